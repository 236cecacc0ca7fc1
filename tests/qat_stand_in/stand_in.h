/*
 * A stand-in for libqat: what backends/qat/ calls, compiled against the real
 * headers, with libcrypto doing what the hardware would. It is for tests on
 * machines without a QuickAssist device and shows nothing about real hardware
 * beyond what docs/qat.md says.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "cpa.h"
#include "cpa_cy_ecdsa.h"
#include "cpa_cy_im.h"
#include "cpa_cy_rsa.h"
#include "cpa_cy_sym.h"
#include "icp_sal_poll.h"
#include "icp_sal_user.h"

#define STAND_IN_PUBLIC __attribute__((visibility("default")))

enum { MAXIMUM_INSTANCES = 8, MAXIMUM_RING = 4096, MAXIMUM_BUFFERS = 16 };
/* What libqat 24.02 asks for; the stand-in's own session fits inside. */
enum { SESSION_CONTEXT_BYTES = 2312, SESSION_MAGIC = 0x51415453 };

enum device_state {
  DEVICE_RUNNING,
  DEVICE_DEAD,       /* stopped working; nobody has been told */
  DEVICE_ERROR,      /* told: every call answers RESTARTING */
  DEVICE_RESTARTED,  /* works again; nobody has been told */
};

struct settings {
  int generation; /* 4, 5 or 6 */
  int legacy;
  int instances;
  int sym_ring;
  int asym_ring;
  long latency_us;
  int start_ms;
  int shuffle;
  int null_operation;
  int completes_after_fatal; /* as 26.08 does; 24.02 does so for PKE only */
  int services;              /* 1 symmetric, 2 asymmetric, 3 both */
};

/* How many of the next submissions or completions go wrong. */
struct faults {
  long retry;
  long fail;
  long lose;
  long bad_verify;
};

struct session {
  uint32_t magic;
  uint32_t pending;
  CpaCySymCbFunc callback;
  CpaCySymSessionSetupData setup;
  uint8_t cipher_key[64];
  uint8_t auth_key[256];
};

struct list {
  uint32_t count;
  CpaFlatBuffer buffers[MAXIMUM_BUFFERS];
};

enum request_kind { SYMMETRIC, RSA_PUBLIC, RSA_PRIVATE, ECDSA_SIGN, ECDSA_VERIFY };

/* The request as the ring holds it: descriptors are copied when submitted. */
struct request {
  enum request_kind kind;
  int lost;
  void *tag;
  void *callback;
  void *op_data;
  int64_t ready_at_us;
  /* symmetric */
  struct session *session;
  CpaCySymOpData op;
  CpaBufferList *destination_list;
  struct list source;
  struct list destination;
  /* public key */
  CpaFlatBuffer *out[2];
  CpaFlatBuffer out_copy[2];
  union {
    struct {
      CpaFlatBuffer n, e, input;
    } rsa_public;
    struct {
      CpaCyRsaPrivateKey key;
      CpaFlatBuffer input;
    } rsa_private;
    CpaCyEcdsaSignRSOpData sign;
    CpaCyEcdsaVerifyOpData verify;
  } u;
  /* results */
  CpaStatus status;
  uint32_t outcome; /* verify result, or the status of a PKE operation */
};

struct ring {
  int capacity;
  int count;
  struct request *entries[MAXIMUM_RING];
};

struct instance {
  struct ring sym;
  struct ring asym;
  CpaVirtualToPhysical translate;
  CpaCyInstanceNotificationCbFunc notify;
  void *notify_tag;
  int started;
  int generates_failures;
};

extern struct settings settings;
extern struct faults faults;
extern struct instance instances[MAXIMUM_INSTANCES];
extern enum device_state device_state;
extern pthread_mutex_t lock;
extern long violations;
extern long executed;

/* control.c */
void read_environment(void);
void look_at_control_file(void);
int take(long *fault);
int64_t now_us(void);
void complain(const char *what);

/* ring.c */
struct instance *find_instance(CpaInstanceHandle handle);
int is_pinned(struct instance *instance, const void *at, size_t length);
CpaStatus enqueue(struct instance *instance, struct ring *ring, struct request *request);

/* symmetric.c */
void run_symmetric(struct request *request);
CpaStatus copy_list(struct instance *instance, const CpaBufferList *from, struct list *to, uint64_t *total);

/* primitives.c */
int cipher(int algorithm, int encrypt, const uint8_t *key, uint32_t key_bytes, const uint8_t *iv,
           const uint8_t *in, uint32_t length, uint8_t *out);
int digest(const CpaCySymHashSetupData *setup, const uint8_t *key, const uint8_t *in, uint32_t length, uint8_t *out);
uint32_t hash_block_bytes(int algorithm);
uint32_t full_digest_bytes(int algorithm);

/* aead.c */
int aead(struct session *session, const uint8_t *iv, uint32_t iv_bytes, const uint8_t *aad, const uint8_t *in,
         uint32_t length, uint8_t *out, uint8_t *tag);
int gmac(struct session *session, const uint8_t *iv, const uint8_t *in, uint32_t length, uint8_t *tag);

/* asymmetric.c */
void run_asymmetric(struct request *request);

#endif
