/* Stand-in for libqat: ciphers, hashes and codes, by libcrypto. */
#include "stand_in.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <string.h>

static const EVP_CIPHER *by_size(uint32_t key_bytes, const EVP_CIPHER *small, const EVP_CIPHER *middle,
                                 const EVP_CIPHER *large) {
  return key_bytes == 16 ? small : key_bytes == 24 ? middle : large;
}

static const EVP_CIPHER *evp_cipher(int algorithm, uint32_t key_bytes) {
  switch (algorithm) {
    case CPA_CY_SYM_CIPHER_AES_ECB:
      return by_size(key_bytes, EVP_aes_128_ecb(), EVP_aes_192_ecb(), EVP_aes_256_ecb());
    case CPA_CY_SYM_CIPHER_AES_CBC:
      return by_size(key_bytes, EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc());
    case CPA_CY_SYM_CIPHER_AES_CTR:
      return by_size(key_bytes, EVP_aes_128_ctr(), EVP_aes_192_ctr(), EVP_aes_256_ctr());
    case CPA_CY_SYM_CIPHER_AES_XTS:
      return key_bytes == 32 ? EVP_aes_128_xts() : EVP_aes_256_xts();
    default:
      return NULL;
  }
}

int cipher(int algorithm, int encrypt, const uint8_t *key, uint32_t key_bytes, const uint8_t *iv, const uint8_t *in,
           uint32_t length, uint8_t *out) {
  const EVP_CIPHER *type = evp_cipher(algorithm, key_bytes);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  int written = 0;
  /* The library runs CTR in one direction only. */
  if (algorithm == CPA_CY_SYM_CIPHER_AES_CTR) encrypt = 1;
  int ok = type && EVP_CipherInit_ex(context, type, NULL, key, iv, encrypt) == 1 &&
           EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
           EVP_CipherUpdate(context, out, &written, in, (int)length) == 1 && written == (int)length;
  EVP_CIPHER_CTX_free(context);
  return ok;
}

static const EVP_MD *message_digest(int algorithm) {
  switch (algorithm) {
    case CPA_CY_SYM_HASH_MD5: return EVP_md5();
    case CPA_CY_SYM_HASH_SHA1: return EVP_sha1();
    case CPA_CY_SYM_HASH_SHA224: return EVP_sha224();
    case CPA_CY_SYM_HASH_SHA256: return EVP_sha256();
    case CPA_CY_SYM_HASH_SHA384: return EVP_sha384();
    case CPA_CY_SYM_HASH_SHA512: return EVP_sha512();
    case CPA_CY_SYM_HASH_SHA3_224: return EVP_sha3_224();
    case CPA_CY_SYM_HASH_SHA3_256: return EVP_sha3_256();
    case CPA_CY_SYM_HASH_SHA3_384: return EVP_sha3_384();
    case CPA_CY_SYM_HASH_SHA3_512: return EVP_sha3_512();
    default: return NULL;
  }
}

uint32_t hash_block_bytes(int algorithm) {
  const EVP_MD *md = message_digest(algorithm);
  return md ? (uint32_t)EVP_MD_get_block_size(md) : 0;
}

uint32_t full_digest_bytes(int algorithm) {
  const EVP_MD *md = message_digest(algorithm);
  if (md) return (uint32_t)EVP_MD_get_size(md);
  return algorithm == CPA_CY_SYM_HASH_AES_XCBC || algorithm == CPA_CY_SYM_HASH_AES_CMAC ||
                 algorithm == CPA_CY_SYM_HASH_AES_CBC_MAC
             ? 16
             : 0;
}

static int block(const uint8_t *key, uint32_t key_bytes, const uint8_t *in, uint8_t *out) {
  return cipher(CPA_CY_SYM_CIPHER_AES_ECB, 1, key, key_bytes, NULL, in, 16, out);
}

static void xor16(uint8_t *into, const uint8_t *with) {
  for (int i = 0; i < 16; i++) into[i] ^= with[i];
}

static int cbc_mac(const uint8_t *key, uint32_t key_bytes, const uint8_t *in, uint32_t length, uint8_t *out) {
  uint8_t state[16] = {0}, chunk[16];
  for (uint32_t at = 0; at < length; at += 16) {
    memset(chunk, 0, 16);
    memcpy(chunk, in + at, length - at < 16 ? length - at : 16);
    xor16(state, chunk);
    if (!block(key, key_bytes, state, state)) return 0;
  }
  memcpy(out, state, 16);
  return 1;
}

/* RFC 3566 */
static int xcbc(const uint8_t *key, const uint8_t *in, uint32_t length, uint8_t *out) {
  uint8_t keys[3][16], state[16] = {0}, last[16] = {0};
  for (int i = 0; i < 3; i++) {
    uint8_t constant[16];
    memset(constant, i + 1, 16);
    if (!block(key, 16, constant, keys[i])) return 0;
  }
  uint32_t whole = length == 0 ? 0 : (length - 1) / 16 * 16, rest = length - whole;
  for (uint32_t at = 0; at < whole; at += 16) {
    xor16(state, in + at);
    if (!block(keys[0], 16, state, state)) return 0;
  }
  memcpy(last, in + whole, rest);
  if (rest < 16) last[rest] = 0x80;
  xor16(state, last);
  xor16(state, keys[rest == 16 ? 1 : 2]);
  return block(keys[0], 16, state, out);
}

static int cmac(const uint8_t *key, uint32_t key_bytes, const uint8_t *in, uint32_t length, uint8_t *out) {
  const char *name = key_bytes == 16 ? "AES-128-CBC" : key_bytes == 24 ? "AES-192-CBC" : "AES-256-CBC";
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)name, 0),
                             OSSL_PARAM_construct_end()};
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
  EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
  size_t written = 0;
  int ok = EVP_MAC_init(context, key, key_bytes, parameters) == 1 && EVP_MAC_update(context, in, length) == 1 &&
           EVP_MAC_final(context, out, &written, 16) == 1;
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return ok;
}

int digest(const CpaCySymHashSetupData *setup, const uint8_t *key, const uint8_t *in, uint32_t length, uint8_t *out) {
  const EVP_MD *md = message_digest((int)setup->hashAlgorithm);
  uint32_t key_bytes = setup->authModeSetupData.authKeyLenInBytes;
  unsigned written = 0;
  if (md && setup->hashMode == CPA_CY_SYM_HASH_MODE_PLAIN) return EVP_Digest(in, length, out, &written, md, NULL) == 1;
  if (md) return HMAC(md, key, (int)key_bytes, in, length, out, &written) != NULL;
  switch (setup->hashAlgorithm) {
    case CPA_CY_SYM_HASH_AES_CMAC: return cmac(key, key_bytes, in, length, out);
    case CPA_CY_SYM_HASH_AES_XCBC: return xcbc(key, in, length, out);
    case CPA_CY_SYM_HASH_AES_CBC_MAC: return cbc_mac(key, key_bytes, in, length, out);
    default: return 0;
  }
}
