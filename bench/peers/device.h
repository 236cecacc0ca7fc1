/* The device side of vhost-user, as plain as it can be: one front-end it trusts. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "../load/vhost_user.h"

#define MOST_RINGS 9
#define MOST_PIECES 64

struct piece {
  uint8_t *bytes;
  uint32_t length;
};

/* A descriptor chain as the bytes that it names. */
struct chain {
  struct piece readable[MOST_PIECES], writable[MOST_PIECES];
  unsigned readable_count, writable_count;
};

struct ring {
  unsigned size;
  struct descriptor *descriptors;
  struct available_ring *available;
  struct used_ring *used;
  uint16_t next, staged, published;
  int kick, call, enabled;
};

struct device {
  int socket;
  unsigned data_queues;
  uint64_t features;
  struct memory_region regions[8];
  uint8_t *mappings[8];
  unsigned region_count;
  struct ring rings[MOST_RINGS];
};

/* Handles one message; 0 when the front-end has gone. */
int device_handle_message(struct device *device);
void device_forget(struct device *device);
/* Takes the next chain; returns its head, or -1. */
int ring_pop(const struct device *device, struct ring *ring, struct chain *chain);
void ring_push(struct ring *ring, unsigned head, uint32_t written);
/* Shows what was pushed and calls the driver where it wants that. */
void ring_publish(const struct device *device, struct ring *ring);
/* Asks for kicks, or not; true when something is available already. */
int ring_notifications(const struct device *device, struct ring *ring, int wanted);

#endif
