/* Stand-in for libqat: GCM with any J0, CCM, ChaCha20-Poly1305, GMAC. */
#include "stand_in.h"

#include <openssl/evp.h>
#include <string.h>

typedef struct {
  uint64_t high, low;
} element;

static element load(const uint8_t *bytes, uint32_t length) {
  uint8_t padded[16] = {0};
  element value = {0, 0};
  memcpy(padded, bytes, length < 16 ? length : 16);
  for (int i = 0; i < 8; i++) {
    value.high = value.high << 8 | padded[i];
    value.low = value.low << 8 | padded[8 + i];
  }
  return value;
}

/* SP 800-38D §6.3 */
static element multiply(element x, element y) {
  element z = {0, 0};
  for (int i = 0; i < 128; i++) {
    uint64_t bit = i < 64 ? x.high >> (63 - i) & 1 : x.low >> (127 - i) & 1;
    if (bit) {
      z.high ^= y.high;
      z.low ^= y.low;
    }
    uint64_t carry = y.low & 1;
    y.low = y.low >> 1 | y.high << 63;
    y.high = y.high >> 1 ^ (carry ? 0xe100000000000000u : 0);
  }
  return z;
}

static element ghash(element state, element h, const uint8_t *data, uint32_t length) {
  for (uint32_t at = 0; at < length; at += 16) {
    element chunk = load(data + at, length - at);
    state.high ^= chunk.high;
    state.low ^= chunk.low;
    state = multiply(state, h);
  }
  return state;
}

static int encrypt_block(const struct session *session, const uint8_t *in, uint8_t *out) {
  return cipher(CPA_CY_SYM_CIPHER_AES_ECB, 1, session->cipher_key,
                session->setup.cipherSetupData.cipherKeyLenInBytes, NULL, in, 16, out);
}

static void increment(uint8_t *counter) {
  for (int i = 15; i >= 12 && ++counter[i] == 0; i--) {
  }
}

static int gctr(const struct session *session, const uint8_t *j0, const uint8_t *in, uint32_t length, uint8_t *out) {
  uint8_t counter[16], stream[16];
  memcpy(counter, j0, 16);
  for (uint32_t at = 0; at < length; at += 16) {
    increment(counter);
    if (!encrypt_block(session, counter, stream)) return 0;
    for (uint32_t i = 0; i < 16 && at + i < length; i++) out[at + i] = in[at + i] ^ stream[i];
  }
  return 1;
}

static int gcm_tag(const struct session *session, const uint8_t *j0, const uint8_t *aad, uint32_t aad_bytes,
                   const uint8_t *ciphertext, uint32_t length, uint8_t *tag) {
  uint8_t zero[16] = {0}, key[16], mask[16];
  if (!encrypt_block(session, zero, key) || !encrypt_block(session, j0, mask)) return 0;
  element h = load(key, 16), state = {0, 0};
  state = ghash(state, h, aad, aad_bytes);
  state = ghash(state, h, ciphertext, length);
  state.high ^= (uint64_t)aad_bytes * 8;
  state.low ^= (uint64_t)length * 8;
  state = multiply(state, h);
  for (int i = 0; i < 8; i++) {
    tag[i] = (uint8_t)(state.high >> (56 - 8 * i)) ^ mask[i];
    tag[8 + i] = (uint8_t)(state.low >> (56 - 8 * i)) ^ mask[8 + i];
  }
  return 1;
}

static void first_counter(const uint8_t *iv, uint32_t iv_bytes, uint8_t *j0) {
  memset(j0, 0, 16);
  memcpy(j0, iv, iv_bytes);
  if (iv_bytes == 12) j0[15] = 1;
}

int gmac(struct session *session, const uint8_t *iv, const uint8_t *in, uint32_t length, uint8_t *tag) {
  uint8_t j0[16];
  first_counter(iv, 12, j0);
  return gcm_tag(session, j0, in, length, NULL, 0, tag);
}

static int gcm(struct session *session, int encrypt, const uint8_t *iv, uint32_t iv_bytes, const uint8_t *aad,
               uint32_t aad_bytes, const uint8_t *in, uint32_t length, uint8_t *out, uint8_t *tag) {
  uint8_t j0[16];
  first_counter(iv, iv_bytes, j0);
  return gctr(session, j0, in, length, out) &&
         gcm_tag(session, j0, aad, aad_bytes, encrypt ? out : in, length, tag);
}

static void format_b0(uint8_t *b0, const uint8_t *nonce, uint32_t nonce_bytes, uint32_t tag_bytes, uint32_t aad_bytes,
                      uint32_t length) {
  b0[0] = (uint8_t)((aad_bytes > 0 ? 0x40 : 0) | (tag_bytes - 2) / 2 << 3 | (14 - nonce_bytes));
  memcpy(b0 + 1, nonce, nonce_bytes);
  for (uint32_t i = 15; i > nonce_bytes; i--, length >>= 8) b0[i] = (uint8_t)length;
}

/* SP 800-38C §6, by hand so that decryption gives its tag too. */
static int ccm(struct session *session, int encrypt, const uint8_t *nonce, uint32_t nonce_bytes, const uint8_t *aad,
               uint32_t aad_bytes, const uint8_t *in, uint32_t length, uint8_t *out, uint8_t *tag) {
  uint32_t tag_bytes = session->setup.hashSetupData.digestResultLenInBytes;
  uint32_t key_bytes = session->setup.cipherSetupData.cipherKeyLenInBytes;
  uint8_t header[16 + 2 + 256] = {0}, counter[16] = {0}, state[16] = {0}, mask[16];
  uint8_t first[16];
  format_b0(header, nonce, nonce_bytes, tag_bytes, aad_bytes, length);
  header[16] = (uint8_t)(aad_bytes >> 8);
  header[17] = (uint8_t)aad_bytes;
  if (aad_bytes > 0) memcpy(header + 18, aad, aad_bytes);
  uint32_t header_bytes = aad_bytes > 0 ? (18 + aad_bytes + 15) / 16 * 16 : 16;
  counter[0] = (uint8_t)(14 - nonce_bytes);
  memcpy(counter + 1, nonce, nonce_bytes);
  if (!encrypt_block(session, counter, mask)) return 0;
  memcpy(first, counter, 16);
  for (uint32_t i = 15; i > nonce_bytes && ++first[i] == 0; i--) {
  }
  if (length > 0 && !cipher(CPA_CY_SYM_CIPHER_AES_CTR, 1, session->cipher_key, key_bytes, first, in, length, out))
    return 0;
  const uint8_t *plaintext = encrypt ? in : out;
  for (uint32_t at = 0; at < header_bytes; at += 16) {
    for (int i = 0; i < 16; i++) state[i] ^= header[at + (uint32_t)i];
    if (!encrypt_block(session, state, state)) return 0;
  }
  for (uint32_t at = 0; at < length; at += 16) {
    for (uint32_t i = 0; i < 16 && at + i < length; i++) state[i] ^= plaintext[at + i];
    if (!encrypt_block(session, state, state)) return 0;
  }
  for (int i = 0; i < 16; i++) tag[i] = state[i] ^ mask[i];
  return 1;
}

/* RFC 8439 §2.8: encryption gives the tag; decryption encrypts what it found to get it. */
static int chacha(const uint8_t *key, int encrypt, const uint8_t *iv, const uint8_t *aad, uint32_t aad_bytes,
                  const uint8_t *in, uint32_t length, uint8_t *out, uint8_t *tag) {
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  uint8_t block[16] = {1}, ignored[64];
  int written = 0, ok = 1;
  memcpy(block + 4, iv, 12);
  const uint8_t *plaintext = in;
  if (!encrypt) {
    ok = EVP_EncryptInit_ex(context, EVP_chacha20(), NULL, key, block) == 1 &&
         EVP_EncryptUpdate(context, out, &written, in, (int)length) == 1;
    plaintext = out;
  }
  ok = ok && EVP_CIPHER_CTX_reset(context) == 1 &&
       EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, key, iv) == 1 &&
       (aad_bytes == 0 || EVP_EncryptUpdate(context, NULL, &written, aad, (int)aad_bytes) == 1);
  uint8_t *sink = encrypt ? out : OPENSSL_malloc(length + 1);
  ok = ok && EVP_EncryptUpdate(context, sink, &written, plaintext, (int)length) == 1 &&
       EVP_EncryptFinal_ex(context, ignored, &written) == 1 &&
       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
  if (!encrypt) OPENSSL_free(sink);
  EVP_CIPHER_CTX_free(context);
  return ok;
}

int aead(struct session *session, const uint8_t *iv, uint32_t iv_bytes, const uint8_t *aad, const uint8_t *in,
         uint32_t length, uint8_t *out, uint8_t *tag) {
  const CpaCySymCipherSetupData *setup = &session->setup.cipherSetupData;
  int encrypt = setup->cipherDirection == CPA_CY_SYM_CIPHER_DIRECTION_ENCRYPT;
  uint32_t aad_bytes = session->setup.hashSetupData.authModeSetupData.aadLenInBytes;
  switch (setup->cipherAlgorithm) {
    case CPA_CY_SYM_CIPHER_AES_GCM:
      return gcm(session, encrypt, iv, iv_bytes, aad, aad_bytes, in, length, out, tag);
    case CPA_CY_SYM_CIPHER_AES_CCM:
      return ccm(session, encrypt, iv, iv_bytes, aad, aad_bytes, in, length, out, tag);
    case CPA_CY_SYM_CIPHER_CHACHA:
      return chacha(session->cipher_key, encrypt, iv, aad, aad_bytes, in, length, out, tag);
    default:
      return 0;
  }
}
