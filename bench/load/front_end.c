#define _GNU_SOURCE
#include "front_end.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_RING_SIZE 64
#define KEY_ROOM 2048
#define CONTROL_TIMEOUT_MS 10000

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static void tell(struct front_end *front, struct message *message, uint32_t request,
                 uint32_t bytes, const int *fds, int count) {
  message->request = request;
  message->flags = MESSAGE_VERSION;
  message->bytes = bytes;
  if (send_message(front->socket, message, fds, count) < 0) {
    fail("request %u: %s", request, strerror(errno));
  }
}

static void hear(struct front_end *front, struct message *message, uint32_t request) {
  int fds[8], count = 0;
  if (receive_message(front->socket, message, fds, &count) <= 0) {
    fail("no reply to request %u", request);
  }
  if (message->request != request) fail("reply %u to %u", message->request, request);
}

static uint64_t ask_u64(struct front_end *front, uint32_t request) {
  struct message message;
  tell(front, &message, request, 0, NULL, 0);
  hear(front, &message, request);
  return message.u64;
}

static void tell_u64(struct front_end *front, uint32_t request, uint64_t value) {
  struct message message = {.u64 = value};
  tell(front, &message, request, 8, NULL, 0);
}

static void connect_to(struct front_end *front, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("socket path too long");
  strcpy(address.sun_path, path);
  front->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(front->socket, (struct sockaddr *)&address, sizeof address) < 0) {
    fail("%s: %s", path, strerror(errno));
  }
  struct ucred peer;
  socklen_t bytes = sizeof peer;
  if (getsockopt(front->socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0) {
    fail("SO_PEERCRED: %s", strerror(errno));
  }
  front->device = peer.pid;
}

static void share_memory(struct front_end *front) {
  front->memory_fd = memfd_create("guest", MFD_CLOEXEC);
  if (front->memory_fd < 0 || ftruncate(front->memory_fd, front->memory_bytes) < 0) {
    fail("guest memory: %s", strerror(errno));
  }
  front->memory = mmap(NULL, front->memory_bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_POPULATE, front->memory_fd, 0);
  if (front->memory == MAP_FAILED) fail("guest memory: %s", strerror(errno));
  struct message message = {.memory.count = 1};
  message.memory.regions[0] = (struct memory_region){
      GUEST_ADDRESS, front->memory_bytes, (uintptr_t)front->memory, 0};
  tell(front, &message, SET_MEM_TABLE, 8 + sizeof(struct memory_region), &front->memory_fd, 1);
}

static void read_config(struct front_end *front) {
  struct message message = {.config.bytes = sizeof message.config.space};
  tell(front, &message, GET_CONFIG, sizeof message.config, NULL, 0);
  hear(front, &message, GET_CONFIG);
  uint32_t queues;
  memcpy(&queues, message.config.space + 4, sizeof queues);
  front->data_queues = queues;
}

void front_end_open(struct front_end *front, const char *path, size_t memory_bytes,
                    uint64_t wanted_features, int session_messages) {
  memset(front, 0, sizeof *front);
  connect_to(front, path);
  uint64_t offered = ask_u64(front, GET_FEATURES);
  front->features = offered & (wanted_features | F_VERSION_1);
  if (wanted_features & ~offered & F_RING_PACKED) fail("the device has no packed rings");
  uint64_t wanted = session_messages ? PROTOCOL_F_CRYPTO_SESSION : PROTOCOL_F_CONFIG;
  uint64_t protocol = ask_u64(front, GET_PROTOCOL_FEATURES);
  if (!(protocol & wanted)) fail("the device has no protocol feature %#llx", wanted + 0ull);
  tell_u64(front, SET_PROTOCOL_FEATURES, protocol & (wanted | PROTOCOL_F_MQ));
  struct message message;
  tell(front, &message, SET_OWNER, 0, NULL, 0);
  tell_u64(front, SET_FEATURES, front->features | (offered & F_PROTOCOL_FEATURES));
  front->memory_bytes = memory_bytes + (1 << 20);
  share_memory(front);
  if (session_messages) {
    front->data_queues = 1;
    return;
  }
  read_config(front);
  front->has_control_queue = 1;
  ring_start(front, &front->control, front->data_queues, CONTROL_RING_SIZE);
}

void *front_end_allocate(struct front_end *front, size_t bytes) {
  void *start = front->memory + front->allocated_bytes;
  front->allocated_bytes += (bytes + 63) & ~(size_t)63;
  if (front->allocated_bytes > front->memory_bytes) fail("guest memory is full");
  return start;
}

uint64_t guest_address(const struct front_end *front, const void *bytes) {
  return GUEST_ADDRESS + ((const uint8_t *)bytes - front->memory);
}

static uint64_t user_address(const void *bytes) { return (uintptr_t)bytes; }

static void tell_descriptor(struct front_end *front, uint32_t request, unsigned index, int fd) {
  struct message message = {.u64 = index};
  tell(front, &message, request, 8, &fd, 1);
}

void ring_start(struct front_end *front, struct ring *ring, unsigned index, unsigned size) {
  front->allocated_bytes = (front->allocated_bytes + 4095) & ~(size_t)4095;
  struct ring_parts parts = ring_parts(size, (front->features & F_RING_PACKED) != 0);
  void *descriptors = front_end_allocate(front, parts.descriptors);
  void *driver = front_end_allocate(front, parts.driver);
  void *device = front_end_allocate(front, parts.device);
  ring_open(ring, index, size, front->features, descriptors, driver, device);
  struct message message = {.state = {index, size}};
  tell(front, &message, SET_VRING_NUM, 8, NULL, 0);
  message.state = (struct ring_state){index, ring_base(ring)};
  tell(front, &message, SET_VRING_BASE, 8, NULL, 0);
  message.address = (struct ring_address){.index = index,
                                          .descriptor = user_address(descriptors),
                                          .used = user_address(device),
                                          .available = user_address(driver)};
  tell(front, &message, SET_VRING_ADDR, sizeof message.address, NULL, 0);
  tell_descriptor(front, SET_VRING_CALL, index, ring->call);
  tell_descriptor(front, SET_VRING_KICK, index, ring->kick);
  message.state = (struct ring_state){index, 1};
  tell(front, &message, SET_VRING_ENABLE, 8, NULL, 0);
}

static uint64_t create_by_message(struct front_end *front, const struct control_request *request,
                                  const uint8_t *keys) {
  if (request->opcode != CIPHER_CREATE) fail("session messages are for ciphers and chains only");
  struct session_message filled = {0}, *session = &filled;
  struct message message;
  int chained = request->op_type == OP_CHAINING;
  const struct cipher_parameters *cipher = chained ? &request->chain.cipher : &request->cipher;
  session->opcode = request->opcode;
  session->op_type = request->op_type;
  session->cipher = cipher->algorithm;
  session->direction = cipher->direction;
  session->cipher_key_bytes = cipher->key_bytes;
  memcpy(session->cipher_key, keys, cipher->key_bytes);
  if (chained) {
    session->hash = request->chain.hash;
    session->hash_result_bytes = request->chain.result_bytes;
    session->hash_mode = request->chain.hash_mode;
    session->chain_order = request->chain.order;
    session->auth_key_bytes = request->chain.auth_key_bytes;
    memcpy(session->auth_key, keys + cipher->key_bytes, session->auth_key_bytes);
  }
  memcpy(message.raw, session, sizeof *session);
  tell(front, &message, CREATE_CRYPTO_SESSION, sizeof *session, NULL, 0);
  hear(front, &message, CREATE_CRYPTO_SESSION);
  memcpy(session, message.raw, sizeof *session);
  if (session->session_id < 0) fail("the device refused the session");
  return session->session_id;
}

static void wait_for_control(struct front_end *front) {
  struct ring *ring = &front->control;
  struct pollfd call = {.fd = ring->call, .events = POLLIN};
  while (!ring_has_used(ring)) {
    if (poll(&call, 1, CONTROL_TIMEOUT_MS) == 0) fail("the control queue does not answer");
    eventfd_t count;
    eventfd_read(ring->call, &count);
    ring_interrupts(ring, 1);
  }
  uint16_t id;
  ring_take(ring, &id);
  ring_interrupts(ring, 1);
}

uint64_t create_session(struct front_end *front, const struct control_request *request,
                        const uint8_t *keys, size_t key_bytes) {
  if (!front->has_control_queue) return create_by_message(front, request, keys);
  static uint8_t *room;
  if (!room) room = front_end_allocate(front, CONTROL_HEADER_BYTES + KEY_ROOM + 64);
  if (key_bytes > KEY_ROOM) fail("a key of %zu bytes", key_bytes);
  struct create_outcome *outcome = (void *)(room + CONTROL_HEADER_BYTES + KEY_ROOM);
  memcpy(room, request, sizeof *request);
  memcpy(room + sizeof *request, keys, key_bytes);
  *outcome = (struct create_outcome){.status = ~0u};
  struct ring *ring = &front->control;
  const struct descriptor chain[] = {
      {guest_address(front, room), sizeof *request + key_bytes, DESCRIPTOR_NEXT, 1},
      {guest_address(front, outcome), sizeof *outcome, DESCRIPTOR_WRITE, 0}};
  if (!ring->packed) memcpy(ring->descriptors, chain, sizeof chain);
  ring_stage(ring, 0, chain, 2);
  ring_publish(ring);
  wait_for_control(front);
  if (outcome->status != STATUS_OK) fail("the device refused the session: %u", outcome->status);
  return outcome->session_id;
}
