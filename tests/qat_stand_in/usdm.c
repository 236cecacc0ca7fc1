/*
 * A stand-in for libusdm: memory that counts as pinned, with I/O addresses of
 * its own. It is for tests; the real libusdm works without a device too and can
 * be used in its place.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "qae_mem.h"

#define STAND_IN_PUBLIC __attribute__((visibility("default")))

enum { MAXIMUM_BLOCKS = 8192, UNIT = 1024, PAGE = 4096 };
static const size_t largest_block = (size_t)64 << 20;
static const uint64_t first_address = 0x200000;

struct block {
  uint8_t *at;
  uint8_t *mapped;
  size_t size;
  size_t mapped_size;
  uint64_t address;
};

static struct block blocks[MAXIMUM_BLOCKS];
static uint64_t next_address = first_address;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

STAND_IN_PUBLIC int32_t qaeMemInit(void) {
  return 0;
}

STAND_IN_PUBLIC void qaeMemDestroy(void) {
}

static int is_alignment(size_t alignment) {
  return alignment > 0 && alignment <= (size_t)4 << 20 && (alignment & (alignment - 1)) == 0;
}

static void *add(struct block *block, size_t size, size_t alignment) {
  block->mapped_size = (size + alignment + 2 * PAGE - 1) / PAGE * PAGE;
  block->mapped = mmap(NULL, block->mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block->mapped == MAP_FAILED) {
    memset(block, 0, sizeof *block);
    return NULL;
  }
  block->at = (uint8_t *)(((uintptr_t)block->mapped + alignment - 1) / alignment * alignment);
  block->size = size;
  next_address = (next_address + alignment - 1) / alignment * alignment;
  block->address = next_address;
  next_address += (size + PAGE) / UNIT * UNIT + UNIT;
  return block->at;
}

STAND_IN_PUBLIC void *qaeMemAllocNUMA(size_t size, int node, size_t alignment) {
  void *made = NULL;
  (void)node;
  if (size == 0 || size > largest_block || !is_alignment(alignment)) return NULL;
  if (alignment < UNIT) alignment = UNIT;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MAXIMUM_BLOCKS && !made; i++) {
    if (!blocks[i].at) {
      made = add(&blocks[i], size, alignment);
      break;
    }
  }
  pthread_mutex_unlock(&lock);
  return made;
}

/* Freed memory leaves the address space: a late access by the program or by "hardware" is seen. */
STAND_IN_PUBLIC void qaeMemFreeNUMA(void **at) {
  if (!at || !*at) return;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MAXIMUM_BLOCKS; i++) {
    if (blocks[i].at != *at) continue;
    munmap(blocks[i].mapped, blocks[i].mapped_size);
    memset(&blocks[i], 0, sizeof blocks[i]);
    break;
  }
  pthread_mutex_unlock(&lock);
  *at = NULL;
}

STAND_IN_PUBLIC uint64_t qaeVirtToPhysNUMA(void *at) {
  uint64_t address = 0;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MAXIMUM_BLOCKS; i++) {
    const struct block *block = &blocks[i];
    if (!block->at || (uint8_t *)at < block->at || (uint8_t *)at >= block->at + block->size) continue;
    address = block->address + (uint64_t)((uint8_t *)at - block->at);
    break;
  }
  pthread_mutex_unlock(&lock);
  return address;
}

/* Blocks that have not been given back. */
STAND_IN_PUBLIC long qat_stand_in_blocks(void) {
  long count = 0;
  for (int i = 0; i < MAXIMUM_BLOCKS; i++) count += blocks[i].at != NULL;
  return count;
}
