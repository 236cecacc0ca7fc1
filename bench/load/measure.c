#define _GNU_SOURCE
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double now_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

double ticks_per_microsecond(void) {
  double start = now_microseconds();
  uint64_t first = ticks();
  while (now_microseconds() - start < 50000) continue;
  return (ticks() - first) / (now_microseconds() - start);
}

double histogram_quantile(const struct histogram *histogram, double part) {
  uint64_t wanted = histogram->count * part, seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen <= wanted || histogram->buckets[i] == 0) continue;
    unsigned shift = i / SUB_BUCKETS > 0 ? i / SUB_BUCKETS - 1 : 0;
    return (double)((uint64_t)(i - shift * SUB_BUCKETS) << shift);
  }
  return 0;
}

#define WINDOW_MICROSECONDS 1000

void pace_add(struct pace *pace, unsigned completed, double tick_rate) {
  uint64_t now = ticks();
  if (pace->window_start == 0) {
    pace->window_start = now;
    return;
  }
  pace->in_window += completed;
  double microseconds = (now - pace->window_start) / tick_rate;
  if (microseconds < WINDOW_MICROSECONDS) return;
  histogram_add(&pace->costs, 16e3 * microseconds / pace->in_window);
  pace->window_start = now;
  pace->in_window = 0;
}

double pace_undisturbed(const struct pace *pace) {
  double cost = histogram_quantile(&pace->costs, 0.1);
  return cost > 0 ? 16e9 / cost : 0;
}

void curve_start(struct curve *curve, double seconds, double slice_seconds, double tick_rate) {
  curve->slice_ticks = slice_seconds * 1e6 * tick_rate;
  curve->count = seconds / slice_seconds + 0.5;
  curve->paces = calloc(curve->count, sizeof *curve->paces);
  curve->start = ticks();
}

struct pace *curve_pace(const struct curve *curve) {
  uint64_t slice = (ticks() - curve->start) / curve->slice_ticks;
  return &curve->paces[slice < curve->count ? slice : curve->count - 1];
}

double processor_seconds(pid_t process) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  char *read = fgets(line, sizeof line, file);
  fclose(file);
  /* The name in parentheses may hold anything; utime and stime are fields 14 and 15. */
  char *rest = read ? strrchr(line, ')') : NULL;
  unsigned long user, system;
  if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                      &system) != 2) {
    return 0;
  }
  return (double)(user + system) / sysconf(_SC_CLK_TCK);
}
