/*
 * A load generator for virtio-crypto devices behind vhost-user sockets: keeps
 * requests in flight on data queues for a while and prints one line of JSON.
 * The first and the last results of every slot are compared with libcrypto's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "front_end.h"
#include "measure.h"
#include "workload.h"

#define MOST_QUEUES 64
#define STALLED_SECONDS 30

static struct options {
  const char *socket, *algorithms;
  unsigned size, depth, queues, sessions, pieces, rate;
  int direct, sleeping, event_index, session_messages, cpu;
  double seconds, idle_seconds;
} options = {.algorithms = "aes-128-cbc", .size = 1024, .depth = 32, .queues = 1,
             .sessions = 1, .pieces = 1, .cpu = -1, .seconds = 1};

/* One request, laid out once; its chain stays the same. */
struct slot {
  struct data_request *header;
  uint8_t *iv, *source, *result, *status;
  unsigned session;
  uint16_t head;
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

static struct front_end front;
static struct queue queues[MOST_QUEUES];
static uint64_t random_state = 88172645463325252ull;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

/* ---- layout ---- */

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

static unsigned descriptors_of(const struct workload *workload) {
  return 2 + (workload->iv_bytes > 0) + options.pieces * (1 + workload->has_destination) +
         (workload->has_destination && workload->result_bytes > 0) +
         !workload->has_destination;
}

static void fill_random(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] = next_random() >> 32;
}

/* Neighbouring pieces would be joined by the device: there is a gap between parts. */
static void *allocate_part(size_t bytes) { return front_end_allocate(&front, bytes + 64); }

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
  struct chain chain = {0};
  if (options.direct) {
    slot->head = chain.base = index * descriptors;
    chain.descriptors = queue->ring.descriptors + slot->head;
  } else {
    slot->head = index;
    chain.descriptors = front_end_allocate(&front, descriptors * sizeof(struct descriptor));
  }
  uint32_t destination = workload->has_destination ? options.size : 0;
  chain_add(&chain, slot->header, sizeof *slot->header, 0);
  chain_add(&chain, slot->iv, workload->iv_bytes, 0);
  chain_add_pieces(&chain, slot->source, options.size, 0);
  chain_add_pieces(&chain, slot->result, destination, 1);
  chain_add(&chain, slot->result + destination, workload->result_bytes, 1);
  chain_add(&chain, slot->status, 1, 1);
  queue->slot_of[slot->head] = index;
  if (!options.direct) {
    queue->ring.descriptors[index] =
        (struct descriptor){guest_address(&front, chain.descriptors),
                            chain.count * sizeof(struct descriptor), DESCRIPTOR_INDIRECT, 0};
  }
}

static unsigned ring_size(unsigned wanted) {
  unsigned size = 64;
  while (size < wanted) size *= 2;
  if (size > 32768) fail("a ring of %u descriptors", wanted);
  return size;
}

static void set_up_queue(struct queue *queue, unsigned index, const char *algorithm) {
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

static size_t memory_wanted(void) {
  size_t slot = 2 * ((size_t)options.size + 256) + 2048 + 64 * (2 * options.pieces + 8);
  return options.queues * (options.depth * slot + (1 << 20));
}

/* ---- the loop ---- */

static void submit(struct queue *queue) {
  if (queue->free_count == 0) return;
  uint64_t now = ticks();
  while (queue->free_count > 0) {
    struct slot *slot = &queue->slots[queue->free[--queue->free_count]];
    if (options.sessions > 1) slot->session = next_random() % options.sessions;
    slot->header->session_id = queue->sessions[slot->session];
    *slot->status = 0xff;
    slot->started = now;
    ring_stage(&queue->ring, slot->head);
  }
  ring_publish(&front, &queue->ring);
}

static unsigned reap(struct queue *queue) {
  struct ring *ring = &queue->ring;
  uint16_t end = __atomic_load_n(&ring->used->index, __ATOMIC_ACQUIRE);
  unsigned count = (uint16_t)(end - ring->next_used);
  if (count == 0) return 0;
  uint64_t now = ticks();
  while (ring->next_used != end) {
    struct used_element *element = &ring->used->ring[ring->next_used++ & (ring->size - 1)];
    unsigned index = queue->slot_of[element->head];
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
    ring_interrupts(&front, &queues[i].ring, 1);
    if (ring_has_used(&queues[i].ring)) waiting = 0;
    calls[i] = (struct pollfd){.fd = queues[i].ring.call, .events = POLLIN};
  }
  if (waiting && poll(calls, options.queues, STALLED_SECONDS * 1000) == 0) {
    fail("no answer for %d s", STALLED_SECONDS);
  }
  for (unsigned i = 0; i < options.queues; i++) {
    eventfd_t count;
    eventfd_read(queues[i].ring.call, &count);
    ring_interrupts(&front, &queues[i].ring, 0);
  }
}

/*
 * Keeps requests in flight until the tick `end`, then takes what is left; each
 * slot is used at least once. With a rate all free slots go out at even intervals.
 */
static void run(uint64_t end, unsigned rate, double tick_rate) {
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
    if (taken > 0) stalled = now + stall;
    else if (options.sleeping && in_flight > 0) sleep_for_calls();
    else if (in_flight > 0 && now > stalled) fail("no answer for %d s", STALLED_SECONDS);
  }
}

static void verify(struct queue *queue) {
  for (unsigned i = 0; i < options.depth; i++) {
    struct slot *slot = &queue->slots[i];
    if (!workload_verify(queue->workload, slot->session, slot->iv, slot->source, options.size,
                         slot->result)) {
      fail("wrong result of %s", queue->workload->name);
    }
  }
}

/* ---- results ---- */

static void print_queue(const struct queue *queue, double seconds, double tick_rate) {
  double rate = queue->completed / seconds;
  printf("{\"algorithm\":\"%s\",\"requests\":%llu,\"requestsPerSecond\":%.1f,"
         "\"megabytesPerSecond\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f}",
         queue->workload->name, queue->completed + 0ull, rate, rate * options.size / 1e6,
         histogram_quantile(queue->latency, 0.5) / tick_rate,
         histogram_quantile(queue->latency, 0.99) / tick_rate,
         histogram_quantile(queue->latency, 0.999) / tick_rate);
}

static void measure_load(double tick_rate) {
  double device = processor_seconds(front.device), own = processor_seconds(getpid());
  uint64_t start = ticks();
  run(start + options.seconds * 1e6 * tick_rate, options.rate, tick_rate);
  double seconds = (ticks() - start) / tick_rate / 1e6;
  uint64_t completed = 0;
  for (unsigned i = 0; i < options.queues; i++) {
    completed += queues[i].completed;
    if (queues[i].completed >= options.depth) verify(&queues[i]);
  }
  printf("{\"size\":%u,\"depth\":%u,\"sessions\":%u,\"descriptors\":%u,\"seconds\":%.4f,"
         "\"requestsPerSecond\":%.1f,\"megabytesPerSecond\":%.3f,"
         "\"deviceCpuSeconds\":%.3f,\"generatorCpuSeconds\":%.3f,\"queues\":[",
         options.size, options.depth, options.sessions, descriptors_of(queues[0].workload),
         seconds, completed / seconds, completed / seconds * options.size / 1e6,
         processor_seconds(front.device) - device, processor_seconds(getpid()) - own);
  for (unsigned i = 0; i < options.queues; i++) {
    if (i > 0) putchar(',');
    print_queue(&queues[i], seconds, tick_rate);
  }
  puts("]}");
}

static void measure_idle(void) {
  sleep(1);
  double device = processor_seconds(front.device);
  usleep(options.idle_seconds * 1e6);
  printf("{\"idleSeconds\":%.1f,\"deviceCpuSeconds\":%.3f}\n", options.idle_seconds,
         processor_seconds(front.device) - device);
}

/* ---- options ---- */

static void usage(void) {
  char names[512];
  workload_names(names, sizeof names);
  fail("usage: load --socket PATH [--algorithm A[,B...]] [--size BYTES] [--depth N]\n"
       "  [--queues N] [--sessions N] [--pieces N] [--direct] [--sleep] [--event-idx]\n"
       "  [--rate PER_SECOND] [--session-messages] [--cpu N] [--seconds S] [--idle S]\n"
       "algorithms, one per queue, the last one for the rest: %s", names);
}

static void parse_options(int count, char **words) {
  static const struct option table[] = {
      {"socket", 1, 0, 'o'},  {"algorithm", 1, 0, 'a'}, {"size", 1, 0, 'b'},
      {"depth", 1, 0, 'd'},   {"queues", 1, 0, 'q'},    {"sessions", 1, 0, 's'},
      {"pieces", 1, 0, 'p'},  {"direct", 0, 0, 'D'},    {"sleep", 0, 0, 'S'},
      {"event-idx", 0, 0, 'e'}, {"rate", 1, 0, 'r'},    {"session-messages", 0, 0, 'm'},
      {"cpu", 1, 0, 'c'},     {"seconds", 1, 0, 't'},   {"idle", 1, 0, 'i'},
      {0, 0, 0, 0}};
  for (int key; (key = getopt_long(count, words, "", table, NULL)) != -1;) {
    switch (key) {
      case 'o': options.socket = optarg; break;
      case 'a': options.algorithms = optarg; break;
      case 'b': options.size = atoi(optarg); break;
      case 'd': options.depth = atoi(optarg); break;
      case 'q': options.queues = atoi(optarg); break;
      case 's': options.sessions = atoi(optarg); break;
      case 'p': options.pieces = atoi(optarg); break;
      case 'D': options.direct = 1; break;
      case 'S': options.sleeping = 1; break;
      case 'e': options.event_index = 1; break;
      case 'r': options.rate = atoi(optarg); break;
      case 'm': options.session_messages = 1; break;
      case 'c': options.cpu = atoi(optarg); break;
      case 't': options.seconds = atof(optarg); break;
      case 'i': options.idle_seconds = atof(optarg); break;
      default: usage();
    }
  }
  if (!options.socket || options.depth < 1 || options.queues < 1 || options.sessions < 1 ||
      options.pieces < 1 || options.queues > MOST_QUEUES) {
    usage();
  }
}

static void pin(void) {
  if (options.cpu < 0) return;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(options.cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) < 0) fail("cpu %d: %s", options.cpu, strerror(errno));
}

static void set_up_queues(void) {
  char *names = strdup(options.algorithms), *name = strtok(names, ",");
  if (!name) usage();
  for (unsigned i = 0; i < options.queues; i++) {
    set_up_queue(&queues[i], i, name);
    char *next = strtok(NULL, ",");
    if (next) name = next;
  }
  free(names);
}

int main(int count, char **words) {
  parse_options(count, words);
  pin();
  uint64_t features = (options.direct ? 0 : F_INDIRECT_DESC) |
                      (options.event_index ? F_EVENT_IDX : 0);
  front_end_open(&front, options.socket, memory_wanted(), features, options.session_messages);
  if (options.queues > front.data_queues) fail("the device has %u data queues", front.data_queues);
  set_up_queues();
  double tick_rate = ticks_per_microsecond();
  for (unsigned i = 0; i < options.queues; i++) ring_interrupts(&front, &queues[i].ring, 0);
  run(0, 0, tick_rate);
  for (unsigned i = 0; i < options.queues; i++) {
    verify(&queues[i]);
    queues[i].completed = 0;
    memset(queues[i].latency, 0, sizeof *queues[i].latency);
  }
  if (options.idle_seconds > 0) measure_idle();
  else measure_load(tick_rate);
  return 0;
}
