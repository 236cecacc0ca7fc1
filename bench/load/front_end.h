/* A vhost-user front-end: guest memory, rings and sessions of its own. */
#ifndef BENCH_FRONT_END_H
#define BENCH_FRONT_END_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ring.h"
#include "vhost_user.h"

#define GUEST_ADDRESS 0x100000000ull

struct front_end {
  int socket, memory_fd;
  pid_t device;
  uint8_t *memory;
  size_t memory_bytes, allocated_bytes;
  uint64_t features;
  unsigned data_queues;
  /* Where there is none, sessions are made by messages over the socket. */
  int has_control_queue;
  struct ring control;
};

/* Prints a line and ends the process. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

void front_end_open(struct front_end *front, const char *path, size_t memory_bytes,
                    uint64_t wanted_features, int session_messages);
void *front_end_allocate(struct front_end *front, size_t bytes);
void ring_start(struct front_end *front, struct ring *ring, unsigned index, unsigned size);
uint64_t guest_address(const struct front_end *front, const void *bytes);

/* Returns the session's identifier; `keys` are the cipher key and then the authentication key. */
uint64_t create_session(struct front_end *front, const struct control_request *request,
                        const uint8_t *keys, size_t key_bytes);

#endif
