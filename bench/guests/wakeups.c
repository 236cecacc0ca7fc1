/* Two processes that wake each other, beside whatever else runs: what the kernel
 * alone makes a request at a rate wait. The second one sleeps, or is busy as a
 * thread that serves others is.
 *
 *     wakeups PER_SECOND MILLISECONDS sleeping|busy
 *
 * Prints the milliseconds of each round trip, as a list of JSON. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void wait_for(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) != sizeof count) exit(1);
}

static void wake(int fd) {
  uint64_t one = 1;
  if (write(fd, &one, sizeof one) != sizeof one) exit(1);
}

static void answer(int asked, int answered, int busy) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    uint64_t count;
    if (!busy) wait_for(asked);
    else while (read(asked, &count, sizeof count) < 0) continue;
    wake(answered);
  }
}

int main(int words, char **word) {
  if (words != 4) return 2;
  double pause = 1e3 / atof(word[1]), length = atof(word[2]);
  int busy = strcmp(word[3], "busy") == 0;
  int asked = eventfd(0, busy ? EFD_NONBLOCK : 0), answered = eventfd(0, 0);
  pid_t child = fork();
  if (child == 0) answer(asked, answered, busy);
  double start = now_ms();
  const char *before = "[";
  for (double next = start; next < start + length; next += pause) {
    while (now_ms() < next) continue;
    double began = now_ms();
    wake(asked);
    wait_for(answered);
    printf("%s%.4f", before, now_ms() - began);
    before = ",";
  }
  printf("]\n");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}
