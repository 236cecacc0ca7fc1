/* Time, latencies and processor time. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __x86_64__
/* The time-stamp counter costs a third of clock_gettime and ticks evenly. */
static inline uint64_t ticks(void) { return __builtin_ia32_rdtsc(); }
#else
static inline uint64_t ticks(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}
#endif

double ticks_per_microsecond(void);

#define SUB_BUCKETS 64
#define BUCKETS (64 * SUB_BUCKETS)

/* Counts by tick length; each bucket is at most 1/64 wide. */
struct histogram {
  uint64_t count, buckets[BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
  unsigned bits = 63 - __builtin_clzll(value | SUB_BUCKETS);
  unsigned shift = bits - 6;
  histogram->count++;
  histogram->buckets[shift * SUB_BUCKETS + (value >> shift)]++;
}

/* The value below which `part` of all are. */
double histogram_quantile(const struct histogram *histogram, double part);

/*
 * How fast requests end while nothing disturbs generator and device: the rate of
 * windows of at least a millisecond that begin and end with a completion. On a
 * busy machine the mean says more about the neighbours than about the device.
 */
struct pace {
  uint64_t window_start, in_window;
  /* Nanoseconds per request and window, in sixteenths. */
  struct histogram costs;
};

void pace_add(struct pace *pace, unsigned completed, double tick_rate);
/* Requests per second of the fastest tenth of windows. */
double pace_undisturbed(const struct pace *pace);

/* A pace for each slice of time. */
struct curve {
  uint64_t start, slice_ticks;
  unsigned count;
  struct pace *paces;
};

void curve_start(struct curve *curve, double seconds, double slice_seconds, double tick_rate);
/* That of now; the last one for what comes after the end. */
struct pace *curve_pace(const struct curve *curve);

/* Seconds of processor time that a process has used. */
double processor_seconds(pid_t process);

#endif
