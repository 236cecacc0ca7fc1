/*
 * A load generator for virtio-crypto devices behind vhost-user sockets: keeps
 * requests in flight on data queues for a while and prints one line of JSON.
 * The first and the last results of every slot are compared with libcrypto's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

struct options options = {.algorithms = "aes-128-cbc", .size = 1024, .depth = 32, .queues = 1,
                          .sessions = 1, .pieces = 1, .cpu = -1, .seconds = 1};

static void print_queue(const struct queue *queue, double seconds, double tick_rate) {
  double rate = queue->completed / seconds;
  printf("{\"algorithm\":\"%s\",\"requests\":%llu,\"requestsPerSecond\":%.1f,"
         "\"megabytesPerSecond\":%.3f,\"p10\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f}",
         queue->workload->name, queue->completed + 0ull, rate, rate * options.size / 1e6,
         histogram_quantile(queue->latency, 0.1) / tick_rate,
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
  /* Slower than a window: there is only the mean. */
  double undisturbed = pace_undisturbed(&pace);
  if (undisturbed == 0) undisturbed = completed / seconds;
  printf("{\"size\":%u,\"depth\":%u,\"sessions\":%u,\"descriptors\":%u,\"seconds\":%.4f,"
         "\"requestsPerSecond\":%.1f,\"megabytesPerSecond\":%.3f,"
         "\"undisturbed\":%.1f,\"deviceCpuSeconds\":%.3f,\"generatorCpuSeconds\":%.3f,"
         "\"queues\":[",
         options.size, options.depth, options.sessions, descriptors_of(queues[0].workload),
         seconds, completed / seconds, completed / seconds * options.size / 1e6,
         undisturbed, processor_seconds(front.device) - device, processor_seconds(getpid()) - own);
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

/* Requests per second in each slice from the first request on, nothing taken out. */
static void measure_curve(double tick_rate) {
  curve_start(&curve, options.seconds, options.slice_seconds, tick_rate);
  run(curve.start + options.seconds * 1e6 * tick_rate, options.rate, tick_rate);
  printf("{\"sliceSeconds\":%.3f,\"requestsPerSecond\":[", options.slice_seconds);
  for (unsigned i = 0; i < curve.count; i++) {
    printf("%s%.1f", i > 0 ? "," : "", pace_undisturbed(&curve.paces[i]));
  }
  puts("]}");
}

static void usage(void) {
  char names[512];
  workload_names(names, sizeof names);
  fail("usage: load --socket PATH [--algorithm A[,B...]] [--size BYTES] [--depth N]\n"
       "  [--queues N] [--sessions N] [--pieces N] [--direct] [--sleep] [--event-idx]\n"
       "  [--packed] [--rate PER_SECOND] [--session-messages] [--cpu N] [--warm S] [--seconds S] [--idle S]\n"
       "  [--slices S]\n"
       "algorithms, one per queue, the last one for the rest: %s", names);
}

static void parse_options(int count, char **words) {
  static const struct option table[] = {
      {"socket", 1, 0, 'o'},  {"algorithm", 1, 0, 'a'}, {"size", 1, 0, 'b'},
      {"depth", 1, 0, 'd'},   {"queues", 1, 0, 'q'},    {"sessions", 1, 0, 's'},
      {"pieces", 1, 0, 'p'},  {"direct", 0, 0, 'D'},    {"sleep", 0, 0, 'S'},
      {"event-idx", 0, 0, 'e'}, {"rate", 1, 0, 'r'},    {"session-messages", 0, 0, 'm'},
      {"cpu", 1, 0, 'c'},     {"seconds", 1, 0, 't'},   {"idle", 1, 0, 'i'},
      {"warm", 1, 0, 'w'},   {"packed", 0, 0, 'P'},  {"slices", 1, 0, 'l'},
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
      case 'w': options.warm_seconds = atof(optarg); break;
      case 'P': options.packed = 1; break;
      case 'l': options.slice_seconds = atof(optarg); break;
      case 'i': options.idle_seconds = atof(optarg); break;
      default: usage();
    }
  }
  if (!options.socket || options.depth < 1 || options.queues < 1 || options.sessions < 1 ||
      options.pieces < 1 || options.queues > MOST_QUEUES ||
      ((options.direct || options.packed) && options.session_messages)) {
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
                      (options.packed ? F_RING_PACKED : 0) |
                      (options.event_index ? F_EVENT_IDX : 0);
  front_end_open(&front, options.socket, memory_wanted(), features, options.session_messages);
  if (options.queues > front.data_queues) fail("the device has %u data queues", front.data_queues);
  set_up_queues();
  double tick_rate = ticks_per_microsecond();
  for (unsigned i = 0; i < options.queues; i++) ring_interrupts(&queues[i].ring, 0);
  run(0, 0, tick_rate);
  for (unsigned i = 0; i < options.queues; i++) verify(&queues[i]);
  run(ticks() + options.warm_seconds * 1e6 * tick_rate, 0, tick_rate);
  for (unsigned i = 0; i < options.queues; i++) {
    queues[i].completed = 0;
    memset(queues[i].latency, 0, sizeof *queues[i].latency);
  }
  memset(&pace, 0, sizeof pace);
  if (options.idle_seconds > 0) measure_idle();
  else if (options.slice_seconds > 0) measure_curve(tick_rate);
  else measure_load(tick_rate);
  return 0;
}
