/* Stand-in for libqat: submitting RSA and ECDSA requests. */
#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

static int has_pke(void) {
  return (settings.services & 2) != 0;
}

static int all_pinned(struct instance *instance, const CpaFlatBuffer *const *buffers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!buffers[i]->pData || buffers[i]->dataLenInBytes == 0) return 0;
    if (!is_pinned(instance, buffers[i]->pData, buffers[i]->dataLenInBytes)) {
      complain("an operand of a public-key request is not in pinned memory");
      return 0;
    }
  }
  return 1;
}

static int is_modulus_size(uint32_t bytes) {
  switch (bytes * 8) {
    case 512:
    case 1024:
    case 1536:
      return settings.legacy;
    case 2048:
    case 3072:
    case 4096:
    case 8192:
      return 1;
    default:
      return 0;
  }
}

static CpaStatus submit(struct instance *instance, struct request *request) {
  pthread_mutex_lock(&lock);
  look_at_control_file();
  CpaStatus status = CPA_STATUS_RESTARTING;
  if (device_state == DEVICE_RUNNING || device_state == DEVICE_DEAD) status = enqueue(instance, &instance->asym, request);
  else free(request);
  pthread_mutex_unlock(&lock);
  return status;
}

static struct request *make(enum request_kind kind, void *callback, void *tag, const void *op, CpaFlatBuffer *out,
                            CpaFlatBuffer *out2) {
  struct request *request = calloc(1, sizeof *request);
  request->kind = kind;
  request->callback = callback;
  request->tag = tag;
  request->op_data = (void *)op;
  request->out[0] = out;
  request->out[1] = out2;
  if (out) request->out_copy[0] = *out;
  if (out2) request->out_copy[1] = *out2;
  return request;
}

STAND_IN_PUBLIC CpaStatus cpaCyRsaEncrypt(const CpaInstanceHandle handle, const CpaCyGenFlatBufCbFunc callback,
                                          void *tag, const CpaCyRsaEncryptOpData *op, CpaFlatBuffer *out) {
  struct instance *instance = find_instance(handle);
  if (!instance || !callback || !op || !op->pPublicKey || !out) return CPA_STATUS_INVALID_PARAM;
  if (!has_pke()) return CPA_STATUS_UNSUPPORTED;
  const CpaCyRsaPublicKey *key = op->pPublicKey;
  const CpaFlatBuffer *buffers[] = {&key->modulusN, &key->publicExponentE, &op->inputData, out};
  if (!all_pinned(instance, buffers, 4)) return CPA_STATUS_FAIL;
  uint32_t size = key->modulusN.dataLenInBytes;
  if (!is_modulus_size(size) || op->inputData.dataLenInBytes > size || out->dataLenInBytes < size)
    return CPA_STATUS_INVALID_PARAM;
  struct request *request = make(RSA_PUBLIC, (void *)callback, tag, op, out, NULL);
  request->u.rsa_public.n = key->modulusN;
  request->u.rsa_public.e = key->publicExponentE;
  request->u.rsa_public.input = op->inputData;
  return submit(instance, request);
}

STAND_IN_PUBLIC CpaStatus cpaCyRsaDecrypt(const CpaInstanceHandle handle, const CpaCyGenFlatBufCbFunc callback,
                                          void *tag, const CpaCyRsaDecryptOpData *op, CpaFlatBuffer *out) {
  struct instance *instance = find_instance(handle);
  if (!instance || !callback || !op || !op->pRecipientPrivateKey || !out) return CPA_STATUS_INVALID_PARAM;
  if (!has_pke()) return CPA_STATUS_UNSUPPORTED;
  const CpaCyRsaPrivateKey *key = op->pRecipientPrivateKey;
  const CpaCyRsaPrivateKeyRep2 *crt = &key->privateKeyRep2;
  if (key->version != CPA_CY_RSA_VERSION_TWO_PRIME || key->privateKeyRepType != CPA_CY_RSA_PRIVATE_KEY_REP_TYPE_2)
    return CPA_STATUS_INVALID_PARAM;
  const CpaFlatBuffer *buffers[] = {&crt->prime1P,       &crt->prime2Q,          &crt->exponent1Dp, &crt->exponent2Dq,
                                    &crt->coefficientQInv, &op->inputData, out};
  if (!all_pinned(instance, buffers, 7)) return CPA_STATUS_FAIL;
  uint32_t half = crt->prime1P.dataLenInBytes, size = 2 * half;
  if (!is_modulus_size(size) || op->inputData.dataLenInBytes > size || out->dataLenInBytes < size)
    return CPA_STATUS_INVALID_PARAM;
  for (int i = 1; i < 5; i++) {
    if (buffers[i]->dataLenInBytes != half) return CPA_STATUS_INVALID_PARAM;
  }
  struct request *request = make(RSA_PRIVATE, (void *)callback, tag, op, out, NULL);
  request->u.rsa_private.key = *key;
  request->u.rsa_private.input = op->inputData;
  return submit(instance, request);
}

STAND_IN_PUBLIC CpaStatus cpaCyEcdsaSignRS(const CpaInstanceHandle handle, const CpaCyEcdsaSignRSCbFunc callback,
                                           void *tag, const CpaCyEcdsaSignRSOpData *op, CpaBoolean *status,
                                           CpaFlatBuffer *r, CpaFlatBuffer *s) {
  struct instance *instance = find_instance(handle);
  if (!instance || !callback || !op || !status || !r || !s) return CPA_STATUS_INVALID_PARAM;
  if (!has_pke()) return CPA_STATUS_UNSUPPORTED;
  const CpaFlatBuffer *buffers[] = {&op->xg, &op->yg, &op->n, &op->q, &op->a, &op->b, &op->k, &op->m, &op->d, r, s};
  if (!all_pinned(instance, buffers, sizeof buffers / sizeof *buffers)) return CPA_STATUS_FAIL;
  if (op->fieldType != CPA_CY_EC_FIELD_TYPE_PRIME) return CPA_STATUS_INVALID_PARAM;
  struct request *request = make(ECDSA_SIGN, (void *)callback, tag, op, r, s);
  request->u.sign = *op;
  return submit(instance, request);
}

STAND_IN_PUBLIC CpaStatus cpaCyEcdsaVerify(const CpaInstanceHandle handle, const CpaCyEcdsaVerifyCbFunc callback,
                                           void *tag, const CpaCyEcdsaVerifyOpData *op, CpaBoolean *status) {
  struct instance *instance = find_instance(handle);
  if (!instance || !callback || !op || !status) return CPA_STATUS_INVALID_PARAM;
  if (!has_pke()) return CPA_STATUS_UNSUPPORTED;
  const CpaFlatBuffer *buffers[] = {&op->xg, &op->yg, &op->n, &op->q,  &op->a, &op->b,
                                    &op->m,  &op->r,  &op->s, &op->xp, &op->yp};
  if (!all_pinned(instance, buffers, sizeof buffers / sizeof *buffers)) return CPA_STATUS_FAIL;
  if (op->fieldType != CPA_CY_EC_FIELD_TYPE_PRIME) return CPA_STATUS_INVALID_PARAM;
  struct request *request = make(ECDSA_VERIFY, (void *)callback, tag, op, NULL, NULL);
  request->u.verify = *op;
  return submit(instance, request);
}
