/* Requests in flight on data queues. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "front_end.h"
#include "measure.h"
#include "workload.h"

#define MOST_QUEUES 64

struct options {
  const char *socket, *algorithms;
  unsigned size, depth, queues, sessions, pieces, rate;
  int direct, packed, sleeping, event_index, session_messages, cpu;
  double seconds, warm_seconds, idle_seconds;
  /* Of each slice of the curve from the first request on, or none. */
  double slice_seconds;
};

/* One request, laid out once; its chain stays the same. */
struct slot {
  struct data_request *header;
  uint8_t *iv, *source, *result, *status;
  unsigned session;
  uint16_t head;
  /* What the ring itself gets: the chain, or one descriptor for its indirect table. */
  struct descriptor *chain;
  unsigned chain_count;
  uint64_t started;
};

struct queue {
  struct ring ring;
  const struct workload *workload;
  struct slot *slots;
  uint64_t *sessions;
  unsigned *free, free_count;
  /* Ring heads to slots. */
  uint16_t *slot_of;
  struct histogram *latency;
  uint64_t completed;
};

extern struct options options;
extern struct front_end front;
extern struct queue queues[MOST_QUEUES];
/* Of all queues together. */
extern struct pace pace;
/* By the slice of time in which a window ended. */
extern struct curve curve;

unsigned descriptors_of(const struct workload *workload);
size_t memory_wanted(void);
void set_up_queue(struct queue *queue, unsigned index, const char *algorithm);
/*
 * Keeps requests in flight until the tick `end`, then takes what is left; each
 * slot is used at least once. With a rate all free slots go out at even intervals.
 */
void run(uint64_t end, unsigned rate, double tick_rate);
/* Ends the process unless the last result of every slot is libcrypto's. */
void verify(const struct queue *queue);

#endif
