/* The driver's side of a virtqueue, split or packed. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stddef.h>
#include <stdint.h>

#include "vhost_user.h"

struct ring {
  unsigned index, size;
  int packed, event_index;
  int kick, call;
  /* Split: the table and its rings; chains are staged by their heads. */
  struct descriptor *descriptors;
  struct available_ring *available;
  struct used_ring *used;
  uint16_t next_available, next_used, kicked, used_end;
  /* Packed: the same numbers are places, which begin anew with the other wrap counter. */
  struct packed_descriptor *packed_descriptors;
  struct event_suppression *driver_events;
  const struct event_suppression *device_events;
  int available_wrap, used_wrap;
  /* What the first descriptor that nobody sees yet becomes, and how many follow it. */
  uint16_t hidden_place, hidden_flags;
  unsigned hidden_count;
  /* Descriptors by identifier. */
  uint16_t *chain_counts;
};

/* Bytes of the three parts of a ring's memory. */
struct ring_parts {
  size_t descriptors, driver, device;
};
struct ring_parts ring_parts(unsigned size, int packed);
/* The parts' memory is zero. */
void ring_open(struct ring *ring, unsigned index, unsigned size, uint64_t features,
               void *descriptors, void *driver, void *device);
/* What SET_VRING_BASE has to say of a new ring. */
uint32_t ring_base(const struct ring *ring);

/*
 * Makes a chain ready. Split: the chain whose head is descriptor `id` of the table;
 * packed: these descriptors, which are copied to the ring.
 */
void ring_stage(struct ring *ring, uint16_t id, const struct descriptor *chain, unsigned count);
/* Shows the device the staged chains and kicks it where it wants that. */
void ring_publish(struct ring *ring);
/* Whether the device has used a chain that has not been taken. */
int ring_has_used(struct ring *ring);
/* Takes a chain of those that were there at the last look with ring_has_used(). */
int ring_take(struct ring *ring, uint16_t *id);
/* Asks for interrupts or not. */
void ring_interrupts(struct ring *ring, int wanted);

#endif
