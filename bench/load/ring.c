#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "front_end.h"

struct ring_parts ring_parts(unsigned size, int packed) {
  size_t events = sizeof(struct event_suppression);
  if (packed) return (struct ring_parts){size * sizeof(struct packed_descriptor), events, events};
  return (struct ring_parts){size * sizeof(struct descriptor), 6 + 2 * size, 6 + 8 * size};
}

void ring_open(struct ring *ring, unsigned index, unsigned size, uint64_t features,
               void *descriptors, void *driver, void *device) {
  memset(ring, 0, sizeof *ring);
  ring->index = index;
  ring->size = size;
  ring->packed = (features & F_RING_PACKED) != 0;
  ring->event_index = (features & F_EVENT_IDX) != 0;
  ring->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ring->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (ring->packed) {
    ring->packed_descriptors = descriptors;
    ring->driver_events = driver;
    ring->device_events = device;
    ring->available_wrap = ring->used_wrap = 1;
    ring->chain_counts = calloc(size, sizeof *ring->chain_counts);
  } else {
    ring->descriptors = descriptors;
    ring->available = driver;
    ring->used = device;
  }
}

uint32_t ring_base(const struct ring *ring) {
  return ring->packed ? PACKED_WRAP << 16 | PACKED_WRAP : 0;
}

static void stage_packed(struct ring *ring, uint16_t id, const struct descriptor *chain,
                         unsigned count) {
  ring->chain_counts[id] = count;
  for (unsigned i = 0; i < count; i++) {
    struct packed_descriptor *place = &ring->packed_descriptors[ring->next_available];
    uint16_t flags = chain[i].flags | (ring->available_wrap ? DESCRIPTOR_AVAILABLE : DESCRIPTOR_USED);
    place->address = chain[i].address;
    place->bytes = chain[i].bytes;
    place->id = id;
    /* The device stops at the first one until that is shown, and so sees all at once. */
    if (ring->hidden_count++ == 0) {
      ring->hidden_place = ring->next_available;
      ring->hidden_flags = flags;
    } else {
      place->flags = flags;
    }
    if (++ring->next_available == ring->size) {
      ring->next_available = 0;
      ring->available_wrap ^= 1;
    }
  }
}

void ring_stage(struct ring *ring, uint16_t id, const struct descriptor *chain, unsigned count) {
  if (ring->packed) stage_packed(ring, id, chain, count);
  else ring->available->ring[ring->next_available++ & (ring->size - 1)] = id;
}

static void kick(const struct ring *ring) {
  if (eventfd_write(ring->kick, 1) < 0) fail("kick: %s", strerror(errno));
}

static int packed_kick_wanted(const struct ring *ring, unsigned count) {
  uint32_t events = __atomic_load_n((const uint32_t *)ring->device_events, __ATOMIC_ACQUIRE);
  uint16_t flags = events >> 16, wanted = events;
  if (flags != EVENTS_DESCRIPTOR) return flags == EVENTS_ENABLE;
  /* Places as numbers that go on: an event of the other wrap counter is a round ago. */
  int after = ring->next_available, event = wanted & (PACKED_WRAP - 1);
  if ((wanted & PACKED_WRAP) != (ring->available_wrap ? PACKED_WRAP : 0)) event -= ring->size;
  return event >= after - (int)count && event < after;
}

static void publish_packed(struct ring *ring) {
  unsigned count = ring->hidden_count;
  if (count == 0) return;
  __atomic_store_n(&ring->packed_descriptors[ring->hidden_place].flags, ring->hidden_flags,
                   __ATOMIC_RELEASE);
  ring->hidden_count = 0;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (packed_kick_wanted(ring, count)) kick(ring);
}

static uint16_t *used_event(const struct ring *ring) {
  return &ring->available->ring[ring->size];
}

static const uint16_t *available_event(const struct ring *ring) {
  return (const uint16_t *)&ring->used->ring[ring->size];
}

static void publish_split(struct ring *ring) {
  uint16_t before = ring->kicked, after = ring->next_available;
  if (before == after) return;
  __atomic_store_n(&ring->available->index, after, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  ring->kicked = after;
  int wanted;
  if (ring->event_index) {
    uint16_t event = __atomic_load_n(available_event(ring), __ATOMIC_ACQUIRE);
    wanted = (uint16_t)(after - event - 1) < (uint16_t)(after - before);
  } else {
    wanted = !(__atomic_load_n(&ring->used->flags, __ATOMIC_ACQUIRE) & USED_NO_NOTIFY);
  }
  if (wanted) kick(ring);
}

void ring_publish(struct ring *ring) {
  if (ring->packed) publish_packed(ring);
  else publish_split(ring);
}

static int next_is_used(const struct ring *ring) {
  uint16_t flags =
      __atomic_load_n(&ring->packed_descriptors[ring->next_used].flags, __ATOMIC_ACQUIRE);
  int available = (flags & DESCRIPTOR_AVAILABLE) != 0, used = (flags & DESCRIPTOR_USED) != 0;
  return available == used && used == ring->used_wrap;
}

int ring_has_used(struct ring *ring) {
  if (ring->packed) return next_is_used(ring);
  ring->used_end = __atomic_load_n(&ring->used->index, __ATOMIC_ACQUIRE);
  return ring->used_end != ring->next_used;
}

int ring_take(struct ring *ring, uint16_t *id) {
  if (!ring->packed) {
    if (ring->next_used == ring->used_end) return 0;
    *id = ring->used->ring[ring->next_used++ & (ring->size - 1)].head;
    return 1;
  }
  if (!next_is_used(ring)) return 0;
  *id = ring->packed_descriptors[ring->next_used].id;
  if (*id >= ring->size) fail("the device used chain %u of a ring of %u", *id, ring->size);
  unsigned next = ring->next_used + ring->chain_counts[*id];
  ring->used_wrap ^= next >= ring->size;
  ring->next_used = next >= ring->size ? next - ring->size : next;
  return 1;
}

void ring_interrupts(struct ring *ring, int wanted) {
  if (ring->packed) {
    uint16_t place = ring->next_used | (ring->used_wrap ? PACKED_WRAP : 0);
    uint16_t flags = !wanted             ? EVENTS_DISABLE
                     : ring->event_index ? EVENTS_DESCRIPTOR
                                         : EVENTS_ENABLE;
    __atomic_store_n((uint32_t *)ring->driver_events, (uint32_t)flags << 16 | place,
                     __ATOMIC_SEQ_CST);
  } else if (ring->event_index) {
    /* The event just taken is the one that the device passes last. */
    uint16_t event = wanted ? ring->next_used : ring->next_used - 1;
    __atomic_store_n(used_event(ring), event, __ATOMIC_SEQ_CST);
  } else {
    ring->available->flags = wanted ? 0 : AVAILABLE_NO_INTERRUPT;
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
