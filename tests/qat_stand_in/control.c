/* Stand-in for libqat: settings, faults on command, time. */
#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct settings settings;
struct faults faults;
long violations;
long executed;

static const char *control_path;
static struct timespec control_seen;
static int64_t control_looked_at;

enum { CONTROL_INTERVAL_US = 500 };

int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void complain(const char *what) {
  violations++;
  fprintf(stderr, "QAT stand-in: %s\n", what);
}

int take(long *fault) {
  if (*fault <= 0) return 0;
  --*fault;
  return 1;
}

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtol(text, NULL, 10) : otherwise;
}

static long bounded(const char *name, long otherwise, long maximum) {
  long value = number(name, otherwise);
  return value < 1 ? 1 : value > maximum ? maximum : value;
}

void read_environment(void) {
  const char *generation = getenv("QAT_STAND_IN_GENERATION");
  const char *order = getenv("QAT_STAND_IN_ORDER");
  settings.generation = generation && strncmp(generation, "gen", 3) == 0 ? atoi(generation + 3) : 4;
  settings.legacy = (int)number("QAT_STAND_IN_LEGACY", 1);
  settings.instances = (int)bounded("QAT_STAND_IN_INSTANCES", 2, MAXIMUM_INSTANCES);
  settings.sym_ring = (int)bounded("QAT_STAND_IN_RING", 512, MAXIMUM_RING) - 1;
  settings.asym_ring = (int)bounded("QAT_STAND_IN_ASYM_RING", 64, MAXIMUM_RING) - 1;
  settings.latency_us = number("QAT_STAND_IN_LATENCY_US", 0);
  settings.start_ms = (int)number("QAT_STAND_IN_START_MS", 0);
  settings.shuffle = order && strcmp(order, "shuffle") == 0;
  settings.null_operation = (int)number("QAT_STAND_IN_NULL", 0);
  settings.completes_after_fatal = (int)number("QAT_STAND_IN_COMPLETES_AFTER_FATAL", 0);
  settings.services = (int)number("QAT_STAND_IN_SERVICES", 3);
  control_path = getenv("QAT_STAND_IN_CONTROL");
}

/* The fatal error ends every ring at once; restart is told by the next events poll. */
STAND_IN_PUBLIC void qat_stand_in_fault(const char *name, long count) {
  if (strcmp(name, "retry") == 0) faults.retry = count;
  else if (strcmp(name, "fail") == 0) faults.fail = count;
  else if (strcmp(name, "lose") == 0) faults.lose = count;
  else if (strcmp(name, "bad-verify") == 0) faults.bad_verify = count;
  else if (strcmp(name, "latency-us") == 0) settings.latency_us = count;
  else if (strcmp(name, "null") == 0) settings.null_operation = (int)count;
  else if (strcmp(name, "fatal") == 0 && device_state == DEVICE_RUNNING) device_state = DEVICE_DEAD;
  else if (strcmp(name, "restart") == 0 && device_state != DEVICE_RUNNING) device_state = DEVICE_RESTARTED;
}

STAND_IN_PUBLIC long qat_stand_in_violations(void) {
  return violations;
}

/* Requests that have been carried out. */
STAND_IN_PUBLIC long qat_stand_in_executed(void) {
  return executed;
}

/* Lines of a name and a number, as qat_stand_in_fault() takes them. */
static void obey(FILE *file) {
  char name[32];
  long count;
  while (fscanf(file, "%31s %ld", name, &count) == 2) qat_stand_in_fault(name, count);
}

void look_at_control_file(void) {
  struct stat found;
  if (!control_path) return;
  int64_t now = now_us();
  if (now - control_looked_at < CONTROL_INTERVAL_US) return;
  control_looked_at = now;
  if (stat(control_path, &found) != 0) return;
  if (found.st_mtim.tv_sec == control_seen.tv_sec && found.st_mtim.tv_nsec == control_seen.tv_nsec) return;
  control_seen = found.st_mtim;
  FILE *file = fopen(control_path, "r");
  if (!file) return;
  obey(file);
  fclose(file);
}
