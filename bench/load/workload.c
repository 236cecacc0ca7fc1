#include "workload.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front_end.h"

static const struct workload WORKLOADS[] = {
    {"aes-128-cbc", CBC_ENCRYPT, 16, 0, 16, 0, 1},
    {"aes-256-cbc", CBC_ENCRYPT, 32, 0, 16, 0, 1},
    {"aes-128-cbc-decrypt", CBC_DECRYPT, 16, 0, 16, 0, 1},
    {"aes-128-gcm", GCM_ENCRYPT, 16, 0, 12, 16, 1},
    {"aes-256-gcm", GCM_ENCRYPT, 32, 0, 12, 16, 1},
    {"sha256", DIGEST_SHA256, 0, 0, 0, 32, 0},
    {"aes-128-cbc-hmac-sha1", CBC_HMAC_SHA1, 16, 20, 16, 20, 1},
    {"rsa2048-sign", RSA_SIGN, 0, 0, 0, 256, 0},
    /* A cipher request of which nobody looks at the result. */
    {"null", NOTHING, 16, 0, 16, 0, 1},
};
#define COUNT (sizeof WORKLOADS / sizeof *WORKLOADS)

const struct workload *workload_find(const char *name) {
  for (size_t i = 0; i < COUNT; i++) {
    if (strcmp(WORKLOADS[i].name, name) == 0) return &WORKLOADS[i];
  }
  return NULL;
}

void workload_names(char *into, size_t bytes) {
  *into = 0;
  for (size_t i = 0; i < COUNT; i++) {
    if (i > 0) strncat(into, ", ", bytes - strlen(into) - 1);
    strncat(into, WORKLOADS[i].name, bytes - strlen(into) - 1);
  }
}

static EVP_PKEY *rsa_key(void) {
  static EVP_PKEY *key;
  if (!key) key = EVP_RSA_gen(2048);
  if (!key) fail("no RSA key");
  return key;
}

/* Every session has keys of its own, so that a result under another's shows. */
static size_t make_keys(const struct workload *workload, unsigned session, uint8_t *keys) {
  if (workload->operation == RSA_SIGN) {
    int bytes = i2d_PrivateKey(rsa_key(), NULL);
    if (bytes <= 0 || bytes > MOST_KEY_BYTES) fail("an RSA key of %d bytes", bytes);
    i2d_PrivateKey(rsa_key(), &keys);
    return bytes;
  }
  size_t bytes = workload->key_bytes + workload->auth_key_bytes;
  for (size_t i = 0; i < bytes; i++) keys[i] = (uint8_t)(7 * i + 1);
  if (bytes >= sizeof session) memcpy(keys, &session, sizeof session);
  return bytes;
}

static struct cipher_parameters cipher_parameters(const struct workload *workload) {
  uint32_t direction =
      workload->operation == CBC_DECRYPT ? DIRECTION_DECRYPT : DIRECTION_ENCRYPT;
  return (struct cipher_parameters){CIPHER_AES_CBC, workload->key_bytes, direction, 0};
}

size_t workload_session(const struct workload *workload, unsigned session,
                        struct control_request *request, uint8_t *keys) {
  memset(request, 0, sizeof *request);
  size_t key_bytes = make_keys(workload, session, keys);
  switch (workload->operation) {
    case NOTHING:
    case CBC_ENCRYPT:
    case CBC_DECRYPT:
      request->opcode = CIPHER_CREATE;
      request->cipher = cipher_parameters(workload);
      request->op_type = OP_CIPHER;
      break;
    case CBC_HMAC_SHA1:
      request->opcode = CIPHER_CREATE;
      request->chain = (struct chain_parameters){
          ORDER_CIPHER_THEN_HASH, HASH_MODE_AUTH,
          cipher_parameters(workload),  MAC_HMAC_SHA1,
          workload->result_bytes,   workload->auth_key_bytes,
          0};
      request->op_type = OP_CHAINING;
      break;
    case GCM_ENCRYPT:
      request->opcode = AEAD_CREATE;
      request->aead.algorithm = AEAD_GCM;
      request->aead.key_bytes = key_bytes;
      request->aead.tag_bytes = workload->result_bytes;
      request->aead.direction = DIRECTION_ENCRYPT;
      break;
    case DIGEST_SHA256:
      request->opcode = HASH_CREATE;
      request->hash.algorithm = HASH_SHA256;
      request->hash.result_bytes = workload->result_bytes;
      break;
    case RSA_SIGN:
      request->opcode = AKCIPHER_CREATE;
      request->akcipher.algorithm = AKCIPHER_RSA;
      request->akcipher.key_type = KEY_PRIVATE;
      request->akcipher.key_bytes = key_bytes;
      request->akcipher.padding_algorithm = RSA_PADDING_PKCS1;
      request->akcipher.hash = RSA_SHA256;
      break;
  }
  return key_bytes;
}

void workload_request(const struct workload *workload, uint32_t bytes,
                      struct data_request *request) {
  memset(request, 0, sizeof *request);
  switch (workload->operation) {
    case NOTHING:
    case CBC_ENCRYPT:
    case CBC_DECRYPT:
      request->opcode = workload->operation == CBC_DECRYPT ? CIPHER_DECRYPT : CIPHER_ENCRYPT;
      request->cipher.iv_bytes = workload->iv_bytes;
      request->cipher.source_bytes = request->cipher.destination_bytes = bytes;
      request->op_type = OP_CIPHER;
      break;
    case CBC_HMAC_SHA1:
      request->opcode = CIPHER_ENCRYPT;
      request->chain.iv_bytes = workload->iv_bytes;
      request->chain.source_bytes = request->chain.destination_bytes = bytes;
      request->chain.cipher_bytes = request->chain.hash_bytes = bytes;
      request->chain.result_bytes = workload->result_bytes;
      request->op_type = OP_CHAINING;
      break;
    case GCM_ENCRYPT:
      request->opcode = AEAD_ENCRYPT;
      request->aead.iv_bytes = workload->iv_bytes;
      request->aead.source_bytes = bytes;
      request->aead.destination_bytes = bytes + workload->result_bytes;
      request->aead.tag_bytes = workload->result_bytes;
      break;
    case DIGEST_SHA256:
      request->opcode = HASH_COMPUTE;
      request->hash.source_bytes = bytes;
      request->hash.result_bytes = workload->result_bytes;
      break;
    case RSA_SIGN:
      request->opcode = AKCIPHER_SIGN;
      request->akcipher.source_bytes = bytes;
      request->akcipher.destination_bytes = workload->result_bytes;
      break;
  }
}

size_t workload_result_bytes(const struct workload *workload, uint32_t bytes) {
  return workload->result_bytes + (workload->has_destination ? bytes : 0);
}

static void cipher(const struct workload *workload, const char *name, const uint8_t *key,
                   const uint8_t *iv, const uint8_t *source, uint32_t bytes, uint8_t *result) {
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, name, NULL);
  int encrypt = workload->operation != CBC_DECRYPT, done = 0;
  if (!EVP_CipherInit_ex2(context, method, key, iv, encrypt, NULL) ||
      !EVP_CIPHER_CTX_set_padding(context, 0) ||
      !EVP_CipherUpdate(context, result, &done, source, bytes)) {
    fail("libcrypto does no %s", name);
  }
  if (workload->operation == GCM_ENCRYPT) {
    EVP_CipherFinal_ex(context, result + done, &done);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, workload->result_bytes, result + bytes);
  }
  EVP_CIPHER_free(method);
  EVP_CIPHER_CTX_free(context);
}

static void sign(const uint8_t *digest, uint32_t bytes, uint8_t *result) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(rsa_key(), NULL);
  size_t length = 256;
  if (EVP_PKEY_sign_init(context) <= 0 ||
      EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) <= 0 ||
      EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) <= 0 ||
      EVP_PKEY_sign(context, result, &length, digest, bytes) <= 0) {
    fail("libcrypto does not sign");
  }
  EVP_PKEY_CTX_free(context);
}

int workload_verify(const struct workload *workload, unsigned session, const uint8_t *iv,
                    const uint8_t *source, uint32_t bytes, const uint8_t *result) {
  if (workload->operation == NOTHING) return 1;
  uint8_t keys[MOST_KEY_BYTES];
  char name[32];
  make_keys(workload, session, keys);
  size_t result_bytes = workload_result_bytes(workload, bytes);
  uint8_t *expected = malloc(result_bytes + 64);
  const char *mode = workload->operation == GCM_ENCRYPT ? "GCM" : "CBC";
  snprintf(name, sizeof name, "AES-%u-%s", 8 * workload->key_bytes, mode);
  if (workload->operation == DIGEST_SHA256) {
    EVP_Digest(source, bytes, expected, NULL, EVP_sha256(), NULL);
  } else if (workload->operation == RSA_SIGN) {
    sign(source, bytes, expected);
  } else {
    cipher(workload, name, keys, iv, source, bytes, expected);
  }
  if (workload->operation == CBC_HMAC_SHA1) {
    HMAC(EVP_sha1(), keys + workload->key_bytes, workload->auth_key_bytes, expected, bytes,
         expected + bytes, NULL);
  }
  int same = memcmp(expected, result, result_bytes) == 0;
  free(expected);
  return same;
}
