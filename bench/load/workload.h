/* What the load generator asks for, and what the answers must be. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "vhost_user.h"

enum operation { NOTHING, CBC_ENCRYPT, CBC_DECRYPT, GCM_ENCRYPT, DIGEST_SHA256, CBC_HMAC_SHA1, RSA_SIGN };

struct workload {
  const char *name;
  enum operation operation;
  unsigned key_bytes, auth_key_bytes, iv_bytes;
  /* Digest, code or tag behind the destination. */
  unsigned result_bytes;
  int has_destination;
};

#define MOST_KEY_BYTES 2048

const struct workload *workload_find(const char *name);
/* Names of all workloads, for the help text. */
void workload_names(char *into, size_t bytes);
/* Fills the request and the keys of a session; returns the length of the keys. */
size_t workload_session(const struct workload *workload, unsigned session,
                        struct control_request *request, uint8_t *keys);
void workload_request(const struct workload *workload, uint32_t bytes,
                      struct data_request *request);
/* Bytes that the device writes before the status. */
size_t workload_result_bytes(const struct workload *workload, uint32_t bytes);
/* Whether `result` is what libcrypto says. */
int workload_verify(const struct workload *workload, unsigned session, const uint8_t *iv,
                    const uint8_t *source, uint32_t bytes, const uint8_t *result);

#endif
