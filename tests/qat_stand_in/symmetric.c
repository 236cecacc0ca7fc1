/* Stand-in for libqat: symmetric sessions and requests. */
#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct session) <= SESSION_CONTEXT_BYTES, "a session fits into its context");

enum { GCM_AAD_MAXIMUM = 240, GMAC_MAXIMUM = 0x3fff, CCM_AAD_MAXIMUM = 222, AAD_BLOCK = 64 };

static int has_cipher(const CpaCySymCapabilitiesInfo *info, int algorithm) {
  return algorithm > 0 && algorithm < 32 && CPA_BITMAP_BIT_TEST(info->ciphers, algorithm);
}

static int has_hash(const CpaCySymCapabilitiesInfo *info, int algorithm) {
  return algorithm > 0 && algorithm < 32 && CPA_BITMAP_BIT_TEST(info->hashes, algorithm);
}

static int is_aead_cipher(int algorithm) {
  return algorithm == CPA_CY_SYM_CIPHER_AES_GCM || algorithm == CPA_CY_SYM_CIPHER_AES_CCM ||
         algorithm == CPA_CY_SYM_CIPHER_CHACHA;
}

static int matches(int cipher_algorithm, int hash_algorithm) {
  switch (cipher_algorithm) {
    case CPA_CY_SYM_CIPHER_AES_GCM:
      return hash_algorithm == CPA_CY_SYM_HASH_AES_GCM || hash_algorithm == CPA_CY_SYM_HASH_AES_GMAC;
    case CPA_CY_SYM_CIPHER_AES_CCM:
      return hash_algorithm == CPA_CY_SYM_HASH_AES_CCM;
    case CPA_CY_SYM_CIPHER_CHACHA:
      return hash_algorithm == CPA_CY_SYM_HASH_POLY;
    default:
      return hash_algorithm != CPA_CY_SYM_HASH_AES_GCM && hash_algorithm != CPA_CY_SYM_HASH_AES_GMAC &&
             hash_algorithm != CPA_CY_SYM_HASH_AES_CCM && hash_algorithm != CPA_CY_SYM_HASH_POLY;
  }
}

static CpaStatus check_cipher(const CpaCySymCapabilitiesInfo *info, const CpaCySymCipherSetupData *setup) {
  uint32_t key = setup->cipherKeyLenInBytes;
  if (!has_cipher(info, (int)setup->cipherAlgorithm)) return CPA_STATUS_UNSUPPORTED;
  if (!setup->pCipherKey) return CPA_STATUS_INVALID_PARAM;
  if (setup->cipherDirection != CPA_CY_SYM_CIPHER_DIRECTION_ENCRYPT &&
      setup->cipherDirection != CPA_CY_SYM_CIPHER_DIRECTION_DECRYPT)
    return CPA_STATUS_INVALID_PARAM;
  if (setup->cipherAlgorithm == CPA_CY_SYM_CIPHER_AES_XTS)
    return key == 32 || key == 64 ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
  if (setup->cipherAlgorithm == CPA_CY_SYM_CIPHER_CHACHA)
    return key == 32 ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
  if (key == 24 && settings.generation == 6) return CPA_STATUS_UNSUPPORTED;
  return key == 16 || key == 24 || key == 32 ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
}

static CpaStatus check_tag(const CpaCySymHashSetupData *setup) {
  uint32_t tag = setup->digestResultLenInBytes, aad = setup->authModeSetupData.aadLenInBytes;
  switch (setup->hashAlgorithm) {
    case CPA_CY_SYM_HASH_AES_GCM:
      return (tag == 8 || tag == 12 || tag == 16) && aad <= GCM_AAD_MAXIMUM ? CPA_STATUS_SUCCESS
                                                                           : CPA_STATUS_INVALID_PARAM;
    case CPA_CY_SYM_HASH_AES_GMAC:
      return tag == 8 || tag == 12 || tag == 16 ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
    case CPA_CY_SYM_HASH_AES_CCM:
      return tag >= 4 && tag <= 16 && tag % 2 == 0 && aad <= CCM_AAD_MAXIMUM ? CPA_STATUS_SUCCESS
                                                                            : CPA_STATUS_INVALID_PARAM;
    default:
      return tag == 16 && aad <= GCM_AAD_MAXIMUM ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
  }
}

static CpaStatus check_hash(const CpaCySymCapabilitiesInfo *info, const CpaCySymSessionSetupData *setup) {
  const CpaCySymHashSetupData *hash = &setup->hashSetupData;
  uint32_t key = hash->authModeSetupData.authKeyLenInBytes;
  if (!has_hash(info, (int)hash->hashAlgorithm)) return CPA_STATUS_UNSUPPORTED;
  if (is_aead_cipher((int)setup->cipherSetupData.cipherAlgorithm) &&
      setup->symOperation == CPA_CY_SYM_OP_ALGORITHM_CHAINING)
    return hash->hashMode == CPA_CY_SYM_HASH_MODE_AUTH ? check_tag(hash) : CPA_STATUS_UNSUPPORTED;
  uint32_t full = full_digest_bytes((int)hash->hashAlgorithm), digest_bytes = hash->digestResultLenInBytes;
  if (full == 0 || digest_bytes == 0 || digest_bytes > full) return CPA_STATUS_INVALID_PARAM;
  if (settings.generation == 6 && digest_bytes != full) return CPA_STATUS_UNSUPPORTED;
  switch (hash->hashAlgorithm) {
    case CPA_CY_SYM_HASH_AES_XCBC:
    case CPA_CY_SYM_HASH_AES_CMAC:
    case CPA_CY_SYM_HASH_AES_CBC_MAC:
      if (hash->hashMode != CPA_CY_SYM_HASH_MODE_AUTH || !hash->authModeSetupData.authKey)
        return CPA_STATUS_UNSUPPORTED;
      /* 192 and 256 bits are a capability of their own (gen5). */
      if (key == 16) return CPA_STATUS_SUCCESS;
      return (key == 24 || key == 32) && hash->hashAlgorithm == CPA_CY_SYM_HASH_AES_CMAC && settings.generation == 5
                 ? CPA_STATUS_SUCCESS
                 : CPA_STATUS_UNSUPPORTED;
    default:
      if (hash->hashMode == CPA_CY_SYM_HASH_MODE_PLAIN) return CPA_STATUS_SUCCESS;
      if (hash->hashMode != CPA_CY_SYM_HASH_MODE_AUTH) return CPA_STATUS_UNSUPPORTED;
      return hash->authModeSetupData.authKey && key <= hash_block_bytes((int)hash->hashAlgorithm)
                 ? CPA_STATUS_SUCCESS
                 : CPA_STATUS_INVALID_PARAM;
  }
}

static CpaStatus check_setup(CpaInstanceHandle handle, const CpaCySymSessionSetupData *setup) {
  CpaCySymCapabilitiesInfo info;
  CpaStatus status = cpaCySymQueryCapabilities(handle, &info);
  if (status != CPA_STATUS_SUCCESS) return status;
  if (setup->sessionPriority != CPA_CY_PRIORITY_NORMAL && setup->sessionPriority != CPA_CY_PRIORITY_HIGH)
    return CPA_STATUS_INVALID_PARAM;
  int cipher_algorithm = (int)setup->cipherSetupData.cipherAlgorithm;
  int hash_algorithm = (int)setup->hashSetupData.hashAlgorithm;
  switch (setup->symOperation) {
    case CPA_CY_SYM_OP_CIPHER:
      if (is_aead_cipher(cipher_algorithm)) return CPA_STATUS_INVALID_PARAM;
      return check_cipher(&info, &setup->cipherSetupData);
    case CPA_CY_SYM_OP_HASH:
      if (!matches(0, hash_algorithm)) return CPA_STATUS_INVALID_PARAM;
      return check_hash(&info, setup);
    case CPA_CY_SYM_OP_ALGORITHM_CHAINING:
      if (!matches(cipher_algorithm, hash_algorithm)) return CPA_STATUS_INVALID_PARAM;
      if (settings.generation == 6 && !is_aead_cipher(cipher_algorithm)) return CPA_STATUS_UNSUPPORTED;
      if (setup->algChainOrder != CPA_CY_SYM_ALG_CHAIN_ORDER_HASH_THEN_CIPHER &&
          setup->algChainOrder != CPA_CY_SYM_ALG_CHAIN_ORDER_CIPHER_THEN_HASH)
        return CPA_STATUS_INVALID_PARAM;
      status = check_cipher(&info, &setup->cipherSetupData);
      return status == CPA_STATUS_SUCCESS ? check_hash(&info, setup) : status;
    default:
      return CPA_STATUS_INVALID_PARAM;
  }
}

STAND_IN_PUBLIC CpaStatus cpaCySymSessionCtxGetSize(const CpaInstanceHandle handle,
                                                    const CpaCySymSessionSetupData *setup, Cpa32U *size) {
  if (!find_instance(handle) || !setup || !size) return CPA_STATUS_INVALID_PARAM;
  *size = SESSION_CONTEXT_BYTES;
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCySymInitSession(const CpaInstanceHandle handle, const CpaCySymCbFunc callback,
                                              const CpaCySymSessionSetupData *setup, CpaCySymSessionCtx context) {
  struct instance *instance = find_instance(handle);
  if (!instance || !callback || !setup || !context) return CPA_STATUS_INVALID_PARAM;
  if (device_state == DEVICE_ERROR || device_state == DEVICE_RESTARTED) return CPA_STATUS_RESTARTING;
  CpaStatus status = check_setup(handle, setup);
  if (status != CPA_STATUS_SUCCESS) return status;
  if (!is_pinned(instance, context, SESSION_CONTEXT_BYTES)) {
    complain("the session context is not in pinned memory");
    return CPA_STATUS_FAIL;
  }
  struct session *session = context;
  memset(session, 0, SESSION_CONTEXT_BYTES);
  session->magic = SESSION_MAGIC;
  session->callback = callback;
  session->setup = *setup;
  if (setup->symOperation != CPA_CY_SYM_OP_HASH)
    memcpy(session->cipher_key, setup->cipherSetupData.pCipherKey, setup->cipherSetupData.cipherKeyLenInBytes);
  const CpaCySymHashAuthModeSetupData *auth = &setup->hashSetupData.authModeSetupData;
  if (setup->symOperation != CPA_CY_SYM_OP_CIPHER && setup->hashSetupData.hashMode == CPA_CY_SYM_HASH_MODE_AUTH &&
      !is_aead_cipher((int)setup->cipherSetupData.cipherAlgorithm))
    memcpy(session->auth_key, auth->authKey, auth->authKeyLenInBytes);
  return CPA_STATUS_SUCCESS;
}

STAND_IN_PUBLIC CpaStatus cpaCySymRemoveSession(const CpaInstanceHandle handle, CpaCySymSessionCtx context) {
  struct session *session = context;
  if (!find_instance(handle) || !session || session->magic != SESSION_MAGIC) return CPA_STATUS_INVALID_PARAM;
  if (device_state == DEVICE_ERROR || device_state == DEVICE_RESTARTED) return CPA_STATUS_RESTARTING;
  if (__atomic_load_n(&session->pending, __ATOMIC_SEQ_CST) > 0) return CPA_STATUS_RETRY;
  memset(session, 0, sizeof *session);
  return CPA_STATUS_SUCCESS;
}

CpaStatus copy_list(struct instance *instance, const CpaBufferList *from, struct list *to, uint64_t *total) {
  if (!from || from->numBuffers == 0 || from->numBuffers > MAXIMUM_BUFFERS || !from->pBuffers)
    return CPA_STATUS_INVALID_PARAM;
  if (!from->pPrivateMetaData) return CPA_STATUS_INVALID_PARAM;
  if (!is_pinned(instance, from->pPrivateMetaData, 24 + 16 * from->numBuffers)) {
    complain("pPrivateMetaData is not in pinned memory");
    return CPA_STATUS_FAIL;
  }
  to->count = from->numBuffers;
  *total = 0;
  for (uint32_t i = 0; i < from->numBuffers; i++) {
    to->buffers[i] = from->pBuffers[i];
    *total += to->buffers[i].dataLenInBytes;
    if (!is_pinned(instance, to->buffers[i].pData, to->buffers[i].dataLenInBytes)) {
      complain("pData is not in pinned memory");
      return CPA_STATUS_FAIL;
    }
  }
  return CPA_STATUS_SUCCESS;
}

static int cipher_length_fits(int algorithm, uint32_t length) {
  switch (algorithm) {
    case CPA_CY_SYM_CIPHER_AES_ECB:
    case CPA_CY_SYM_CIPHER_AES_CBC:
      return length % 16 == 0;
    case CPA_CY_SYM_CIPHER_AES_XTS:
      return length >= 16;
    default:
      return 1;
  }
}

static CpaStatus check_cipher_request(const struct session *session, const CpaCySymOpData *op, uint64_t total) {
  int algorithm = (int)session->setup.cipherSetupData.cipherAlgorithm;
  if ((uint64_t)op->cryptoStartSrcOffsetInBytes + op->messageLenToCipherInBytes > total)
    return CPA_STATUS_INVALID_PARAM;
  if (op->messageLenToCipherInBytes == 0 && algorithm != CPA_CY_SYM_CIPHER_AES_GCM) return CPA_STATUS_INVALID_PARAM;
  if (!cipher_length_fits(algorithm, op->messageLenToCipherInBytes)) return CPA_STATUS_INVALID_PARAM;
  if (algorithm == CPA_CY_SYM_CIPHER_AES_GCM) return op->ivLenInBytes == 12 || op->ivLenInBytes == 16
                                                         ? CPA_STATUS_SUCCESS
                                                         : CPA_STATUS_INVALID_PARAM;
  if (algorithm == CPA_CY_SYM_CIPHER_CHACHA)
    return op->ivLenInBytes == 12 ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
  if (algorithm == CPA_CY_SYM_CIPHER_AES_CCM)
    return op->ivLenInBytes >= 7 && op->ivLenInBytes <= 13 && op->pIv && op->pAdditionalAuthData &&
                   memcmp(op->pIv + 1, op->pAdditionalAuthData + 1, op->ivLenInBytes) == 0
               ? CPA_STATUS_SUCCESS
               : CPA_STATUS_INVALID_PARAM;
  if (algorithm == CPA_CY_SYM_CIPHER_AES_ECB) return CPA_STATUS_SUCCESS;
  return op->ivLenInBytes == 16 && op->pIv ? CPA_STATUS_SUCCESS : CPA_STATUS_INVALID_PARAM;
}

static CpaStatus check_hash_request(const struct session *session, const CpaCySymOpData *op, uint64_t total) {
  int algorithm = (int)session->setup.hashSetupData.hashAlgorithm;
  int is_aead = is_aead_cipher((int)session->setup.cipherSetupData.cipherAlgorithm) &&
                session->setup.symOperation == CPA_CY_SYM_OP_ALGORITHM_CHAINING;
  if (!session->setup.digestIsAppended && !op->pDigestResult) return CPA_STATUS_INVALID_PARAM;
  if (algorithm == CPA_CY_SYM_HASH_AES_GMAC &&
      (op->messageLenToHashInBytes == 0 || op->messageLenToHashInBytes > GMAC_MAXIMUM || op->pAdditionalAuthData))
    return CPA_STATUS_INVALID_PARAM;
  if (is_aead && algorithm != CPA_CY_SYM_HASH_AES_GMAC) return CPA_STATUS_SUCCESS;
  if ((uint64_t)op->hashStartSrcOffsetInBytes + op->messageLenToHashInBytes > total) return CPA_STATUS_INVALID_PARAM;
  if (op->messageLenToHashInBytes == 0 && session->setup.hashSetupData.hashMode != CPA_CY_SYM_HASH_MODE_PLAIN)
    return CPA_STATUS_INVALID_PARAM;
  return CPA_STATUS_SUCCESS;
}

static int pinned_or_complain(struct instance *instance, const void *at, size_t length, const char *what) {
  if (is_pinned(instance, at, length)) return 1;
  complain(what);
  return 0;
}

static CpaStatus check_pointers(struct instance *instance, const struct session *session, const CpaCySymOpData *op) {
  const CpaCySymHashSetupData *hash = &session->setup.hashSetupData;
  uint32_t aad = hash->authModeSetupData.aadLenInBytes;
  int with_hash = session->setup.symOperation != CPA_CY_SYM_OP_CIPHER;
  if (session->setup.symOperation != CPA_CY_SYM_OP_HASH && op->pIv &&
      !pinned_or_complain(instance, op->pIv, 16, "pIv is not in pinned memory"))
    return CPA_STATUS_FAIL;
  if (with_hash && !session->setup.digestIsAppended &&
      !pinned_or_complain(instance, op->pDigestResult, hash->digestResultLenInBytes,
                          "pDigestResult is not in pinned memory"))
    return CPA_STATUS_FAIL;
  if (with_hash && op->pAdditionalAuthData && aad > 0 &&
      !pinned_or_complain(instance, op->pAdditionalAuthData, (aad + AAD_BLOCK - 1) / AAD_BLOCK * AAD_BLOCK,
                          "pAdditionalAuthData is not in pinned memory"))
    return CPA_STATUS_FAIL;
  return CPA_STATUS_SUCCESS;
}

static CpaStatus check_request(struct instance *instance, struct request *request, const CpaBufferList *source,
                               const CpaBufferList *destination) {
  const struct session *session = request->session;
  const CpaCySymOpData *op = &request->op;
  uint64_t total, destination_total;
  CpaStatus status = copy_list(instance, source, &request->source, &total);
  if (status == CPA_STATUS_SUCCESS)
    status = copy_list(instance, destination, &request->destination, &destination_total);
  if (status != CPA_STATUS_SUCCESS) return status;
  if (op->packetType != CPA_CY_SYM_PACKET_TYPE_FULL) return CPA_STATUS_INVALID_PARAM;
  if (total != destination_total && session->setup.cipherSetupData.cipherAlgorithm != CPA_CY_SYM_CIPHER_AES_CCM)
    return CPA_STATUS_INVALID_PARAM;
  if (session->setup.symOperation != CPA_CY_SYM_OP_HASH &&
      session->setup.hashSetupData.hashAlgorithm != CPA_CY_SYM_HASH_AES_GMAC)
    status = check_cipher_request(session, op, total);
  if (status == CPA_STATUS_SUCCESS && session->setup.symOperation != CPA_CY_SYM_OP_CIPHER)
    status = check_hash_request(session, op, total);
  return status == CPA_STATUS_SUCCESS ? check_pointers(instance, session, op) : status;
}

STAND_IN_PUBLIC CpaStatus cpaCySymPerformOp(const CpaInstanceHandle handle, void *tag, const CpaCySymOpData *op,
                                            const CpaBufferList *source, CpaBufferList *destination,
                                            CpaBoolean *verify) {
  struct instance *instance = find_instance(handle);
  (void)verify;
  if (!instance || !op || !source || !destination || !op->sessionCtx) return CPA_STATUS_INVALID_PARAM;
  struct session *session = op->sessionCtx;
  if (session->magic != SESSION_MAGIC) return CPA_STATUS_INVALID_PARAM;
  struct request *request = calloc(1, sizeof *request);
  request->kind = SYMMETRIC;
  request->tag = tag;
  request->callback = (void *)session->callback;
  request->op_data = (void *)op;
  request->op = *op;
  request->session = session;
  request->destination_list = destination;
  pthread_mutex_lock(&lock);
  look_at_control_file();
  CpaStatus status = device_state == DEVICE_ERROR || device_state == DEVICE_RESTARTED
                         ? CPA_STATUS_RESTARTING
                         : check_request(instance, request, source, destination);
  if (status == CPA_STATUS_SUCCESS) status = enqueue(instance, &instance->sym, request);
  else free(request);
  pthread_mutex_unlock(&lock);
  return status;
}
