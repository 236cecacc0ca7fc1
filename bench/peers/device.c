#define _GNU_SOURCE
#include "device.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define OFFERED_FEATURES (F_VERSION_1 | F_PROTOCOL_FEATURES | F_INDIRECT_DESC | F_EVENT_IDX)

static uint8_t *at_user(const struct device *device, uint64_t address) {
  for (unsigned i = 0; i < device->region_count; i++) {
    const struct memory_region *region = &device->regions[i];
    if (address - region->user_address < region->bytes) {
      return device->mappings[i] + (address - region->user_address);
    }
  }
  return NULL;
}

static uint8_t *at_guest(const struct device *device, uint64_t address, uint32_t bytes) {
  for (unsigned i = 0; i < device->region_count; i++) {
    const struct memory_region *region = &device->regions[i];
    uint64_t offset = address - region->guest_address;
    if (offset < region->bytes && bytes <= region->bytes - offset) {
      return device->mappings[i] + offset;
    }
  }
  return NULL;
}

static void map_memory(struct device *device, const struct message *message, const int *fds) {
  struct memory_table table = message->memory;
  for (unsigned i = 0; i < table.count; i++) {
    device->regions[i] = table.regions[i];
    device->mappings[i] = mmap(NULL, table.regions[i].bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                               fds[i], table.regions[i].file_offset);
    close(fds[i]);
  }
  device->region_count = table.count;
}

void device_forget(struct device *device) {
  for (unsigned i = 0; i < device->region_count; i++) {
    munmap(device->mappings[i], device->regions[i].bytes);
  }
  for (unsigned i = 0; i < MOST_RINGS; i++) {
    if (device->rings[i].kick > 0) close(device->rings[i].kick);
    if (device->rings[i].call > 0) close(device->rings[i].call);
  }
  device->region_count = 0;
  memset(device->rings, 0, sizeof device->rings);
}

static void fill_config(const struct device *device, struct message *message) {
  const uint32_t fields[14] = {1, device->data_queues, 0xf, 1u << CIPHER_AES_CBC, 0,
                               1u << HASH_SHA256, 1u << MAC_HMAC_SHA1, 0, 1u << AEAD_GCM,
                               64, 512, 0, 1u << 30, 0};
  memcpy(message->config.space, fields, sizeof fields);
}

static void reply(struct device *device, struct message *message, uint32_t bytes) {
  message->flags = MESSAGE_VERSION | MESSAGE_REPLY;
  message->bytes = bytes;
  send_message(device->socket, message, NULL, 0);
}

static void reply_u64(struct device *device, struct message *message, uint64_t value) {
  message->u64 = value;
  reply(device, message, 8);
}

static void set_addresses(struct device *device, const struct message *message) {
  struct ring_address address = message->address;
  struct ring *ring = &device->rings[address.index % MOST_RINGS];
  ring->descriptors = (void *)at_user(device, address.descriptor);
  ring->available = (void *)at_user(device, address.available);
  ring->used = (void *)at_user(device, address.used);
  ring->next = ring->staged = ring->published = 0;
}

int device_handle_message(struct device *device) {
  struct message message;
  int fds[8], count = 0;
  if (receive_message(device->socket, &message, fds, &count) <= 0) return 0;
  struct ring *ring = &device->rings[(message.state.index & 0xff) % MOST_RINGS];
  switch (message.request) {
    case GET_FEATURES: reply_u64(device, &message, OFFERED_FEATURES); break;
    case SET_FEATURES: device->features = message.u64; break;
    case GET_PROTOCOL_FEATURES:
      reply_u64(device, &message, PROTOCOL_F_MQ | PROTOCOL_F_CONFIG);
      break;
    case GET_QUEUE_NUM: reply_u64(device, &message, device->data_queues + 1); break;
    case GET_CONFIG:
      fill_config(device, &message);
      reply(device, &message, sizeof message.config);
      break;
    case SET_MEM_TABLE: map_memory(device, &message, fds); break;
    case SET_VRING_NUM: ring->size = message.state.value; break;
    case SET_VRING_ADDR: set_addresses(device, &message); break;
    case SET_VRING_KICK: ring->kick = fds[0]; break;
    case SET_VRING_CALL: ring->call = fds[0]; break;
    case SET_VRING_ENABLE: ring->enabled = message.state.value; break;
    default: break;
  }
  return 1;
}

static int add_chain(const struct device *device, const struct descriptor *table, unsigned index,
                     struct chain *chain) {
  for (;;) {
    const struct descriptor *descriptor = &table[index];
    uint8_t *bytes = at_guest(device, descriptor->address, descriptor->bytes);
    if (!bytes) return 0;
    if (descriptor->flags & DESCRIPTOR_INDIRECT) {
      return add_chain(device, (void *)bytes, 0, chain);
    }
    int writable = descriptor->flags & DESCRIPTOR_WRITE;
    struct piece *list = writable ? chain->writable : chain->readable;
    unsigned *count = writable ? &chain->writable_count : &chain->readable_count;
    if (*count == MOST_PIECES) return 0;
    list[(*count)++] = (struct piece){bytes, descriptor->bytes};
    if (!(descriptor->flags & DESCRIPTOR_NEXT)) return 1;
    index = descriptor->next;
  }
}

int ring_pop(const struct device *device, struct ring *ring, struct chain *chain) {
  if (__atomic_load_n(&ring->available->index, __ATOMIC_ACQUIRE) == ring->next) return -1;
  unsigned head = ring->available->ring[ring->next++ & (ring->size - 1)];
  chain->readable_count = chain->writable_count = 0;
  if (!add_chain(device, ring->descriptors, head, chain)) chain->writable_count = 0;
  return head;
}

void ring_push(struct ring *ring, unsigned head, uint32_t written) {
  ring->used->ring[ring->staged++ & (ring->size - 1)] = (struct used_element){head, written};
}

void ring_publish(const struct device *device, struct ring *ring) {
  uint16_t before = ring->published, after = ring->staged;
  if (before == after) return;
  ring->published = after;
  __atomic_store_n(&ring->used->index, after, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  int wanted;
  if (device->features & F_EVENT_IDX) {
    uint16_t event = __atomic_load_n(&ring->available->ring[ring->size], __ATOMIC_ACQUIRE);
    wanted = (uint16_t)(after - event - 1) < (uint16_t)(after - before);
  } else {
    wanted = !(ring->available->flags & AVAILABLE_NO_INTERRUPT);
  }
  if (wanted && ring->call > 0) eventfd_write(ring->call, 1);
}

int ring_notifications(const struct device *device, struct ring *ring, int wanted) {
  if (device->features & F_EVENT_IDX) {
    uint16_t event = wanted ? ring->next : ring->next - 1;
    __atomic_store_n((uint16_t *)&ring->used->ring[ring->size], event, __ATOMIC_SEQ_CST);
  } else {
    ring->used->flags = wanted ? 0 : USED_NO_NOTIFY;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return __atomic_load_n(&ring->available->index, __ATOMIC_ACQUIRE) != ring->next;
}
