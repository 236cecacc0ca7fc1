#define _GNU_SOURCE
#include "traffic.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STALLED_SECONDS 30

struct front_end front;
struct queue queues[MOST_QUEUES];
struct pace pace;
struct curve curve;
static uint64_t random_state = 88172645463325252ull;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

struct chain {
  struct descriptor *descriptors;
  unsigned count, base;
};

static void chain_add(struct chain *chain, const void *bytes, size_t length, int writable) {
  if (length == 0) return;
  struct descriptor *added = &chain->descriptors[chain->count++];
  *added = (struct descriptor){guest_address(&front, bytes), length,
                               writable ? DESCRIPTOR_WRITE : 0, 0};
  if (chain->count == 1) return;
  added[-1].flags |= DESCRIPTOR_NEXT;
  added[-1].next = chain->base + chain->count - 1;
}

/* As pieces of whole cipher blocks, the last one longer where need be. */
static void chain_add_pieces(struct chain *chain, uint8_t *bytes, size_t length, int writable) {
  size_t piece = length / options.pieces & ~(size_t)15;
  unsigned pieces = piece > 0 ? options.pieces : 1;
  for (unsigned i = 0; i + 1 < pieces; i++) {
    chain_add(chain, bytes, piece, writable);
    bytes += piece;
    length -= piece;
  }
  chain_add(chain, bytes, length, writable);
}

unsigned descriptors_of(const struct workload *workload) {
  return 2 + (workload->iv_bytes > 0) + options.pieces * (1 + workload->has_destination) +
         (workload->has_destination && workload->result_bytes > 0) +
         !workload->has_destination;
}

static void fill_random(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] = next_random() >> 32;
}

/* Neighbouring pieces would be joined by the device: there is a gap between parts. */
static void *allocate_part(size_t bytes) { return front_end_allocate(&front, bytes + 64); }

/* Moves the chain to a table in guest memory. */
static void use_indirect_table(struct slot *slot) {
  size_t bytes = slot->chain_count * sizeof *slot->chain;
  struct descriptor *table = front_end_allocate(&front, bytes);
  if (options.packed) {
    struct packed_descriptor *packed = (void *)table;
    for (unsigned i = 0; i < slot->chain_count; i++) {
      const struct descriptor *one = &slot->chain[i];
      packed[i] = (struct packed_descriptor){one->address, one->bytes, 0,
                                             one->flags & DESCRIPTOR_WRITE};
    }
  } else {
    memcpy(table, slot->chain, bytes);
  }
  slot->chain_count = 1;
  slot->chain[0] = (struct descriptor){guest_address(&front, table), bytes, DESCRIPTOR_INDIRECT, 0};
}

static void lay_out_slot(struct queue *queue, unsigned index, unsigned descriptors) {
  const struct workload *workload = queue->workload;
  struct slot *slot = &queue->slots[index];
  slot->header = allocate_part(sizeof *slot->header);
  slot->iv = allocate_part(16);
  slot->source = allocate_part(options.size);
  slot->result = allocate_part(workload_result_bytes(workload, options.size));
  slot->status = allocate_part(1);
  fill_random(slot->iv, 16);
  fill_random(slot->source, options.size);
  workload_request(workload, options.size, slot->header);
  struct chain chain = {.descriptors = calloc(descriptors, sizeof *chain.descriptors)};
  int in_table = options.direct && !options.packed;
  slot->head = in_table ? index * descriptors : index;
  chain.base = in_table ? slot->head : 0;
  uint32_t destination = workload->has_destination ? options.size : 0;
  chain_add(&chain, slot->header, sizeof *slot->header, 0);
  chain_add(&chain, slot->iv, workload->iv_bytes, 0);
  chain_add_pieces(&chain, slot->source, options.size, 0);
  chain_add_pieces(&chain, slot->result, destination, 1);
  chain_add(&chain, slot->result + destination, workload->result_bytes, 1);
  chain_add(&chain, slot->status, 1, 1);
  slot->chain = chain.descriptors;
  slot->chain_count = chain.count;
  if (!options.direct) use_indirect_table(slot);
  queue->slot_of[slot->head] = index;
  if (options.packed) return;
  struct descriptor *table = &queue->ring.descriptors[slot->head];
  memcpy(table, slot->chain, slot->chain_count * sizeof *table);
}

static unsigned ring_size(unsigned wanted) {
  unsigned size = 64;
  while (size < wanted) size *= 2;
  if (size > 32768) fail("a ring of %u descriptors", wanted);
  return size;
}

void set_up_queue(struct queue *queue, unsigned index, const char *algorithm) {
  queue->workload = workload_find(algorithm);
  if (!queue->workload) fail("no algorithm %s", algorithm);
  unsigned descriptors = descriptors_of(queue->workload);
  unsigned size = ring_size(options.direct ? options.depth * descriptors : options.depth);
  queue->slots = calloc(options.depth, sizeof *queue->slots);
  queue->free = calloc(options.depth, sizeof *queue->free);
  queue->slot_of = calloc(size, sizeof *queue->slot_of);
  queue->sessions = calloc(options.sessions, sizeof *queue->sessions);
  queue->latency = calloc(1, sizeof *queue->latency);
  ring_start(&front, &queue->ring, index, size);
  for (unsigned i = 0; i < options.depth; i++) {
    lay_out_slot(queue, i, descriptors);
    queue->free[queue->free_count++] = i;
  }
  for (unsigned i = 0; i < options.sessions; i++) {
    struct control_request request;
    uint8_t keys[MOST_KEY_BYTES];
    size_t key_bytes = workload_session(queue->workload, i, &request, keys);
    queue->sessions[i] = create_session(&front, &request, keys, key_bytes);
  }
}

size_t memory_wanted(void) {
  size_t slot = 2 * ((size_t)options.size + 256) + 2048 + 64 * (2 * options.pieces + 8);
  return options.queues * (options.depth * slot + (1 << 20));
}

/*
 * DPDK's vhost_crypto puts the used entry of head N into place N, and takes its id
 * from place N of the available ring: it needs head N to be at place N.
 */
static void move_to_place(struct queue *queue, struct slot *slot) {
  struct ring *ring = &queue->ring;
  uint16_t place = ring->next_available & (ring->size - 1);
  ring->descriptors[place] = *slot->chain;
  slot->head = place;
  queue->slot_of[place] = slot - queue->slots;
}

static void submit(struct queue *queue) {
  if (queue->free_count == 0) return;
  uint64_t now = ticks();
  while (queue->free_count > 0) {
    struct slot *slot = &queue->slots[queue->free[--queue->free_count]];
    if (options.sessions > 1) slot->session = next_random() % options.sessions;
    slot->header->session_id = queue->sessions[slot->session];
    *slot->status = 0xff;
    slot->started = now;
    if (options.session_messages) move_to_place(queue, slot);
    ring_stage(&queue->ring, slot->head, slot->chain, slot->chain_count);
  }
  ring_publish(&queue->ring);
}

static unsigned reap(struct queue *queue) {
  struct ring *ring = &queue->ring;
  if (!ring_has_used(ring)) return 0;
  uint64_t now = ticks();
  unsigned count = 0;
  for (uint16_t head; ring_take(ring, &head); count++) {
    unsigned index = queue->slot_of[head];
    struct slot *slot = &queue->slots[index];
    if (*slot->status != STATUS_OK) fail("status %u", *slot->status);
    histogram_add(queue->latency, now - slot->started);
    queue->free[queue->free_count++] = index;
  }
  queue->completed += count;
  return count;
}

static void sleep_for_calls(void) {
  struct pollfd calls[MOST_QUEUES];
  int waiting = 1;
  for (unsigned i = 0; i < options.queues; i++) {
    ring_interrupts(&queues[i].ring, 1);
    if (ring_has_used(&queues[i].ring)) waiting = 0;
    calls[i] = (struct pollfd){.fd = queues[i].ring.call, .events = POLLIN};
  }
  if (waiting && poll(calls, options.queues, STALLED_SECONDS * 1000) == 0) {
    fail("no answer for %d s", STALLED_SECONDS);
  }
  for (unsigned i = 0; i < options.queues; i++) {
    eventfd_t count;
    eventfd_read(queues[i].ring.call, &count);
    ring_interrupts(&queues[i].ring, 0);
  }
}

void run(uint64_t end, unsigned rate, double tick_rate) {
  uint64_t interval = rate ? tick_rate * 1e6 * options.depth * options.queues / rate : 0;
  uint64_t due = ticks(), stall = STALLED_SECONDS * 1e6 * tick_rate, stalled = due + stall;
  unsigned in_flight = 0;
  int first = 1;
  for (;;) {
    uint64_t now = ticks();
    if ((first || now < end) && now >= due) {
      for (unsigned i = 0; i < options.queues; i++) {
        in_flight += queues[i].free_count;
        submit(&queues[i]);
      }
      due = interval ? now + interval : 0;
      first = 0;
    } else if (now >= end && in_flight == 0) {
      return;
    }
    unsigned taken = 0;
    for (unsigned i = 0; i < options.queues; i++) taken += reap(&queues[i]);
    in_flight -= taken;
    if (taken > 0) pace_add(curve.slice_ticks ? curve_pace(&curve) : &pace, taken, tick_rate);
    if (taken > 0) stalled = now + stall;
    else if (options.sleeping && in_flight > 0) sleep_for_calls();
    else if (in_flight > 0 && now > stalled) fail("no answer for %d s", STALLED_SECONDS);
  }
}

void verify(const struct queue *queue) {
  for (unsigned i = 0; i < options.depth; i++) {
    const struct slot *slot = &queue->slots[i];
    if (!workload_verify(queue->workload, slot->session, slot->iv, slot->source, options.size,
                         slot->result)) {
      fail("wrong result of %s", queue->workload->name);
    }
  }
}
