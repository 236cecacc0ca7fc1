/* Stand-in for libqat: what the hardware does with a symmetric request. */
#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

static uint32_t total_of(const struct list *list) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < list->count; i++) total += list->buffers[i].dataLenInBytes;
  return total;
}

static void gather(const struct list *list, uint8_t *into) {
  for (uint32_t i = 0; i < list->count; i++) {
    memcpy(into, list->buffers[i].pData, list->buffers[i].dataLenInBytes);
    into += list->buffers[i].dataLenInBytes;
  }
}

static void scatter(const struct list *list, const uint8_t *from, uint32_t length) {
  for (uint32_t i = 0; i < list->count && length > 0; i++) {
    uint32_t part = list->buffers[i].dataLenInBytes < length ? list->buffers[i].dataLenInBytes : length;
    memcpy(list->buffers[i].pData, from, part);
    from += part;
    length -= part;
  }
}

static int equal(const uint8_t *one, const uint8_t *other, uint32_t length) {
  return memcmp(one, other, length) == 0;
}

/* Writes or verifies a digest, at its pointer or behind the data. */
static void settle_digest(struct request *request, const uint8_t *made, uint8_t *out, uint32_t behind,
                          const uint8_t *image) {
  const CpaCySymSessionSetupData *setup = &request->session->setup;
  uint32_t length = setup->hashSetupData.digestResultLenInBytes;
  int is_decryption = setup->cipherSetupData.cipherDirection == CPA_CY_SYM_CIPHER_DIRECTION_DECRYPT;
  int is_gcm_or_ccp = setup->hashSetupData.hashAlgorithm == CPA_CY_SYM_HASH_AES_GCM ||
                      setup->hashSetupData.hashAlgorithm == CPA_CY_SYM_HASH_POLY ||
                      setup->hashSetupData.hashAlgorithm == CPA_CY_SYM_HASH_AES_CCM;
  int verifies = setup->verifyDigest || (is_gcm_or_ccp && is_decryption);
  const uint8_t *given = setup->digestIsAppended ? image + behind : request->op.pDigestResult;
  if (verifies) {
    request->outcome = equal(made, given, length) && !take(&faults.bad_verify) ? CPA_TRUE : CPA_FALSE;
  } else if (setup->digestIsAppended) {
    memcpy(out + behind, made, length);
  } else {
    memcpy(request->op.pDigestResult, made, length);
  }
}

static int run_cipher(struct request *request, const uint8_t *image, uint8_t *out) {
  const struct session *session = request->session;
  const CpaCySymCipherSetupData *setup = &session->setup.cipherSetupData;
  uint32_t start = request->op.cryptoStartSrcOffsetInBytes;
  return cipher((int)setup->cipherAlgorithm, setup->cipherDirection == CPA_CY_SYM_CIPHER_DIRECTION_ENCRYPT,
                session->cipher_key, setup->cipherKeyLenInBytes, request->op.pIv, image + start,
                request->op.messageLenToCipherInBytes, out + start);
}

static int run_hash(struct request *request, const uint8_t *image, uint8_t *made) {
  const struct session *session = request->session;
  return digest(&session->setup.hashSetupData, session->auth_key, image + request->op.hashStartSrcOffsetInBytes,
                request->op.messageLenToHashInBytes, made);
}

static int run_chain(struct request *request, const uint8_t *image, uint8_t *out) {
  uint8_t made[64];
  int ok;
  if (request->session->setup.algChainOrder == CPA_CY_SYM_ALG_CHAIN_ORDER_HASH_THEN_CIPHER)
    ok = run_hash(request, image, made) && run_cipher(request, image, out);
  else
    ok = run_cipher(request, image, out) && run_hash(request, out, made);
  uint32_t behind = request->op.hashStartSrcOffsetInBytes + request->op.messageLenToHashInBytes;
  if (ok) settle_digest(request, made, out, behind, image);
  return ok;
}

static int run_aead(struct request *request, const uint8_t *image, uint8_t *out) {
  struct session *session = request->session;
  const CpaCySymOpData *op = &request->op;
  uint8_t tag[16];
  int is_ccm = session->setup.cipherSetupData.cipherAlgorithm == CPA_CY_SYM_CIPHER_AES_CCM;
  if (session->setup.hashSetupData.hashAlgorithm == CPA_CY_SYM_HASH_AES_GMAC) {
    if (!gmac(session, op->pIv, image + op->hashStartSrcOffsetInBytes, op->messageLenToHashInBytes, tag)) return 0;
    settle_digest(request, tag, out, 0, image);
    return 1;
  }
  uint32_t start = op->cryptoStartSrcOffsetInBytes, length = op->messageLenToCipherInBytes;
  if (!aead(session, is_ccm ? op->pIv + 1 : op->pIv, op->ivLenInBytes,
            op->pAdditionalAuthData ? op->pAdditionalAuthData + (is_ccm ? 18 : 0) : NULL, image + start, length,
            out + start, tag))
    return 0;
  settle_digest(request, tag, out, start + length, image);
  if (!request->outcome) memset(out + start, 0, length);
  return 1;
}

/* QATE-106300: until 26.02 the padding of associated data is overwritten. */
static void spoil_padding(const struct request *request) {
  const CpaCySymSessionSetupData *setup = &request->session->setup;
  uint32_t aad = setup->hashSetupData.authModeSetupData.aadLenInBytes;
  if (setup->hashSetupData.hashAlgorithm != CPA_CY_SYM_HASH_POLY || !request->op.pAdditionalAuthData) return;
  memset(request->op.pAdditionalAuthData + aad, 0, (64 - aad % 64) % 64);
}

void run_symmetric(struct request *request) {
  const CpaCySymSessionSetupData *setup = &request->session->setup;
  uint32_t length = total_of(&request->source);
  uint8_t *image = malloc(length + 1), *out = malloc(length + 1), made[64];
  gather(&request->source, image);
  memcpy(out, image, length);
  int hash_algorithm = (int)setup->hashSetupData.hashAlgorithm, ok;
  spoil_padding(request);
  if (setup->symOperation == CPA_CY_SYM_OP_CIPHER) {
    ok = run_cipher(request, image, out);
  } else if (setup->symOperation == CPA_CY_SYM_OP_HASH) {
    ok = run_hash(request, image, made);
    if (ok) settle_digest(request, made, out, request->op.hashStartSrcOffsetInBytes + request->op.messageLenToHashInBytes, image);
  } else if (hash_algorithm == CPA_CY_SYM_HASH_AES_GCM || hash_algorithm == CPA_CY_SYM_HASH_AES_CCM ||
             hash_algorithm == CPA_CY_SYM_HASH_POLY || hash_algorithm == CPA_CY_SYM_HASH_AES_GMAC) {
    ok = run_aead(request, image, out);
  } else {
    ok = run_chain(request, image, out);
  }
  if (!ok) request->status = CPA_STATUS_FAIL;
  else scatter(&request->destination, out, length);
  free(image);
  free(out);
}
