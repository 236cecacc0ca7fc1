/* Stand-in for libqat: instances, rings, polling and device events. */
#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct instance instances[MAXIMUM_INSTANCES];
enum device_state device_state;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* As in 24.02. */
enum { MAXIMUM_STARTS = 64 };

static int start_count;
static uint32_t random_state = 12345;

struct instance *find_instance(CpaInstanceHandle handle) {
  for (int i = 0; i < settings.instances; i++) {
    if (handle == (CpaInstanceHandle)&instances[i]) return &instances[i];
  }
  return NULL;
}

/* As hardware would see it: both ends translate, to one stretch. */
int is_pinned(struct instance *instance, const void *at, size_t length) {
  if (!instance->translate || !at) return 0;
  uint64_t first = instance->translate((void *)at);
  if (first == 0 || length == 0) return first != 0;
  uint64_t last = instance->translate((uint8_t *)at + length - 1);
  return last == first + length - 1;
}

static int overlaps(const struct list *one, const struct list *other) {
  for (uint32_t i = 0; i < one->count; i++) {
    for (uint32_t j = 0; j < other->count; j++) {
      const CpaFlatBuffer *a = &one->buffers[i], *b = &other->buffers[j];
      if (a->pData < b->pData + b->dataLenInBytes && b->pData < a->pData + a->dataLenInBytes) return 1;
    }
  }
  return 0;
}

/* A program that hands memory in flight to a second request has a fault. */
static void check_reuse(const struct request *request) {
  for (int i = 0; i < settings.instances; i++) {
    const struct ring *ring = &instances[i].sym;
    for (int j = 0; j < ring->count; j++) {
      if (ring->entries[j]->tag == request->tag || overlaps(&ring->entries[j]->destination, &request->destination)) {
        complain("memory of a request in flight was used for another one");
        return;
      }
    }
  }
}

CpaStatus enqueue(struct instance *instance, struct ring *ring, struct request *request) {
  if (ring->count >= ring->capacity || take(&faults.retry)) {
    free(request);
    return CPA_STATUS_RETRY;
  }
  if (request->kind == SYMMETRIC && !settings.null_operation) check_reuse(request);
  request->lost = take(&faults.lose);
  request->ready_at_us = settings.latency_us > 0 ? now_us() + settings.latency_us : 0;
  ring->entries[ring->count++] = request;
  if (request->session) request->session->pending++;
  (void)instance;
  return CPA_STATUS_SUCCESS;
}

static uint32_t next_random(void) {
  random_state = random_state * 1664525u + 1013904223u;
  return random_state >> 8;
}

static int is_first_of_session(const struct ring *ring, int index) {
  for (int i = 0; i < index; i++) {
    if (ring->entries[i]->session && ring->entries[i]->session == ring->entries[index]->session) return 0;
  }
  return 1;
}

/* Which entry completes next, or -1. Order within a session is kept. */
static int choose(const struct ring *ring, int64_t now) {
  int start = settings.shuffle && ring->count > 0 ? (int)(next_random() % (uint32_t)ring->count) : 0;
  for (int i = 0; i < ring->count; i++) {
    int index = (start + i) % ring->count;
    const struct request *entry = ring->entries[index];
    if (entry->lost || entry->ready_at_us > now) continue;
    if (!settings.shuffle || is_first_of_session(ring, index)) return index;
  }
  return -1;
}

static struct request *remove_entry(struct ring *ring, int index) {
  struct request *entry = ring->entries[index];
  ring->count--;
  memmove(&ring->entries[index], &ring->entries[index + 1], (size_t)(ring->count - index) * sizeof entry);
  return entry;
}

static void call_back(struct request *request) {
  switch (request->kind) {
    case SYMMETRIC:
      ((CpaCySymCbFunc)request->callback)(request->tag, request->status, request->session->setup.symOperation,
                                          request->op_data, request->destination_list, request->outcome);
      __atomic_fetch_sub(&request->session->pending, 1, __ATOMIC_SEQ_CST);
      break;
    case RSA_PUBLIC:
    case RSA_PRIVATE:
      ((CpaCyGenFlatBufCbFunc)request->callback)(request->tag, request->status, request->op_data, request->out[0]);
      break;
    case ECDSA_SIGN:
      ((CpaCyEcdsaSignRSCbFunc)request->callback)(request->tag, request->status, request->op_data, request->outcome,
                                                  request->out[0], request->out[1]);
      break;
    case ECDSA_VERIFY:
      ((CpaCyEcdsaVerifyCbFunc)request->callback)(request->tag, request->status, request->op_data, request->outcome);
      break;
  }
  free(request);
}

static void execute(struct request *request) {
  request->status = CPA_STATUS_SUCCESS;
  request->outcome = CPA_TRUE;
  if (take(&faults.fail)) {
    request->status = CPA_STATUS_FAIL;
    request->outcome = CPA_FALSE;
    return;
  }
  executed++;
  if (settings.null_operation) return;
  if (request->kind == SYMMETRIC) run_symmetric(request);
  else run_asymmetric(request);
}

/* Runs and tells up to `quota` requests (0: all that are due now). */
static uint32_t drain(struct ring *ring, uint32_t quota, int as_failures) {
  uint32_t done = 0;
  int64_t now = settings.latency_us > 0 ? now_us() : 0;
  while (quota == 0 || done < quota) {
    pthread_mutex_lock(&lock);
    int index = as_failures ? (ring->count > 0 ? 0 : -1) : choose(ring, now);
    struct request *request = index < 0 ? NULL : remove_entry(ring, index);
    if (request && as_failures) {
      request->status = CPA_STATUS_FAIL;
      request->outcome = CPA_FALSE;
    } else if (request) {
      execute(request);
    }
    pthread_mutex_unlock(&lock);
    if (!request) break;
    call_back(request);
    done++;
  }
  return done;
}

static void discard(struct ring *ring) {
  for (int i = 0; i < ring->count; i++) free(ring->entries[i]);
  ring->count = 0;
}

STAND_IN_PUBLIC CpaStatus icp_sal_CyPollInstance(CpaInstanceHandle handle, Cpa32U quota) {
  struct instance *instance = find_instance(handle);
  if (!instance) return CPA_STATUS_INVALID_PARAM;
  pthread_mutex_lock(&lock);
  look_at_control_file();
  enum device_state state = device_state;
  pthread_mutex_unlock(&lock);
  if (state == DEVICE_DEAD || state == DEVICE_RESTARTED) return CPA_STATUS_RETRY;
  if (state == DEVICE_ERROR) {
    drain(&instance->asym, 0, 1);
    if (settings.completes_after_fatal) drain(&instance->sym, 0, 1);
    return CPA_STATUS_RESTARTING;
  }
  uint32_t done = drain(&instance->sym, quota, 0);
  if (quota == 0 || done < quota) done += drain(&instance->asym, quota == 0 ? 0 : quota - done, 0);
  return done > 0 ? CPA_STATUS_SUCCESS : CPA_STATUS_RETRY;
}

static void notify_all(CpaInstanceEvent event) {
  for (int i = 0; i < settings.instances; i++) {
    if (instances[i].notify) instances[i].notify(&instances[i], instances[i].notify_tag, event);
  }
}

STAND_IN_PUBLIC CpaStatus icp_sal_poll_device_events(void) {
  pthread_mutex_lock(&lock);
  look_at_control_file();
  enum device_state before = device_state;
  if (before == DEVICE_DEAD) device_state = DEVICE_ERROR;
  if (before == DEVICE_RESTARTED) {
    for (int i = 0; i < settings.instances; i++) {
      discard(&instances[i].sym);
      discard(&instances[i].asym);
    }
    device_state = DEVICE_RUNNING;
  }
  pthread_mutex_unlock(&lock);
  if (before == DEVICE_DEAD) {
    notify_all(CPA_INSTANCE_EVENT_FATAL_ERROR);
    notify_all(CPA_INSTANCE_EVENT_RESTARTING);
  }
  if (before == DEVICE_RESTARTED) notify_all(CPA_INSTANCE_EVENT_RESTARTED);
  return CPA_STATUS_SUCCESS;
}

static void begin(void) {
  read_environment();
  usleep((useconds_t)settings.start_ms * 1000);
  memset(&faults, 0, sizeof faults);
  device_state = DEVICE_RUNNING;
  /* The real library talks on stdout too; nothing may depend on its silence. */
  printf("QAT stand-in: gen%d, %d instances; no hardware is involved\n", settings.generation, settings.instances);
  for (int i = 0; i < settings.instances; i++) {
    instances[i].sym.capacity = settings.sym_ring;
    instances[i].asym.capacity = settings.asym_ring;
  }
}

static void end(void) {
  for (int i = 0; i < settings.instances; i++) {
    discard(&instances[i].sym);
    discard(&instances[i].asym);
    memset(&instances[i], 0, sizeof instances[i]);
  }
  settings.instances = 0;
}

/* In 24.02 two first starts at once destroy each other's lock. */
STAND_IN_PUBLIC CpaStatus icp_sal_userStart(const char *name) {
  static int starting;
  if (!name || !*name) return CPA_STATUS_FAIL;
  if (__atomic_fetch_add(&starting, 1, __ATOMIC_SEQ_CST) > 0) complain("two threads start the library at once");
  pthread_mutex_lock(&lock);
  int refused = start_count >= MAXIMUM_STARTS;
  if (start_count == 0) begin();
  if (!refused) start_count++;
  pthread_mutex_unlock(&lock);
  __atomic_fetch_sub(&starting, 1, __ATOMIC_SEQ_CST);
  return refused ? CPA_STATUS_FAIL : CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus icp_sal_userStop(void) {
  pthread_mutex_lock(&lock);
  CpaStatus status = start_count > 0 ? CPA_STATUS_SUCCESS : CPA_STATUS_FAIL;
  if (start_count > 0 && --start_count == 0) end();
  pthread_mutex_unlock(&lock);
  return status;
}

/* As if the process had not started the library, so that other settings can be tried. */
STAND_IN_PUBLIC void qat_stand_in_reset(void) {
  pthread_mutex_lock(&lock);
  if (start_count > 0) end();
  start_count = 0;
  pthread_mutex_unlock(&lock);
}
