/* Stand-in for libqat: what the hardware does with RSA and ECDSA, by libcrypto's numbers. */
#include "stand_in.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <string.h>

static BN_CTX *scratch;

static BIGNUM *get(const CpaFlatBuffer *buffer) {
  BIGNUM *value = BN_CTX_get(scratch);
  return BN_bin2bn(buffer->pData, (int)buffer->dataLenInBytes, value);
}

static int put(const BIGNUM *value, const CpaFlatBuffer *buffer) {
  return BN_bn2binpad(value, buffer->pData, (int)buffer->dataLenInBytes) >= 0;
}

static int run_rsa_public(struct request *request) {
  BIGNUM *n = get(&request->u.rsa_public.n), *e = get(&request->u.rsa_public.e);
  BIGNUM *m = get(&request->u.rsa_public.input), *result = BN_CTX_get(scratch);
  return BN_cmp(m, n) < 0 && BN_mod_exp(result, m, e, n, scratch) && put(result, &request->out_copy[0]);
}

/* RFC 8017 §5.1.2, step 2b */
static int run_rsa_private(struct request *request) {
  const CpaCyRsaPrivateKeyRep2 *key = &request->u.rsa_private.key.privateKeyRep2;
  BIGNUM *p = get(&key->prime1P), *q = get(&key->prime2Q), *dp = get(&key->exponent1Dp);
  BIGNUM *dq = get(&key->exponent2Dq), *inverse = get(&key->coefficientQInv);
  BIGNUM *c = get(&request->u.rsa_private.input), *m1 = BN_CTX_get(scratch), *m2 = BN_CTX_get(scratch);
  BIGNUM *h = BN_CTX_get(scratch);
  return BN_mod_exp(m1, c, dp, p, scratch) && BN_mod_exp(m2, c, dq, q, scratch) &&
         BN_mod_sub(h, m1, m2, p, scratch) && BN_mod_mul(h, h, inverse, p, scratch) && BN_mul(h, h, q, scratch) &&
         BN_add(h, h, m2) && put(h, &request->out_copy[0]);
}

/* x modulo n of `by` G, plus `other_by` P where there is a P. */
static int point_x(const CpaFlatBuffer *q, const CpaFlatBuffer *a, const CpaFlatBuffer *b, const CpaFlatBuffer *xg,
                   const CpaFlatBuffer *yg, const BIGNUM *n, const BIGNUM *by, const CpaFlatBuffer *xp,
                   const CpaFlatBuffer *yp, const BIGNUM *other_by, BIGNUM *x) {
  EC_GROUP *group = EC_GROUP_new_curve_GFp(get(q), get(a), get(b), scratch);
  if (!group) return 0;
  EC_POINT *g = EC_POINT_new(group), *p = EC_POINT_new(group), *sum = EC_POINT_new(group);
  int ok = EC_POINT_set_affine_coordinates(group, g, get(xg), get(yg), scratch) == 1 &&
           EC_GROUP_set_generator(group, g, n, BN_value_one()) == 1 &&
           (!xp || EC_POINT_set_affine_coordinates(group, p, get(xp), get(yp), scratch) == 1) &&
           EC_POINT_mul(group, sum, by, xp ? p : NULL, other_by, scratch) == 1 &&
           EC_POINT_get_affine_coordinates(group, sum, x, NULL, scratch) == 1 && BN_nnmod(x, x, n, scratch);
  EC_POINT_free(g);
  EC_POINT_free(p);
  EC_POINT_free(sum);
  EC_GROUP_free(group);
  return ok;
}

/* The same k for two signatures tells the private key. */
static void check_fresh(const BIGNUM *k) {
  static BIGNUM *last;
  if (last && BN_cmp(k, last) == 0) complain("the same ECDSA k was used twice");
  if (!last) last = BN_new();
  BN_copy(last, k);
}

/* FIPS 186-5 §6.4.1 */
static int run_sign(struct request *request) {
  const CpaCyEcdsaSignRSOpData *op = &request->u.sign;
  BIGNUM *n = get(&op->n), *k = get(&op->k), *m = get(&op->m), *d = get(&op->d);
  BIGNUM *r = BN_CTX_get(scratch), *s = BN_CTX_get(scratch), *inverse = BN_CTX_get(scratch);
  if (BN_is_zero(k) || BN_cmp(k, n) >= 0) return 0;
  check_fresh(k);
  if (!point_x(&op->q, &op->a, &op->b, &op->xg, &op->yg, n, k, NULL, NULL, NULL, r)) return 0;
  if (!BN_mod_mul(s, d, r, n, scratch) || !BN_mod_add(s, s, m, n, scratch)) return 0;
  if (!BN_mod_inverse(inverse, k, n, scratch) || !BN_mod_mul(s, s, inverse, n, scratch)) return 0;
  request->outcome = !BN_is_zero(r) && !BN_is_zero(s) && !take(&faults.bad_verify);
  return put(r, &request->out_copy[0]) && put(s, &request->out_copy[1]);
}

/* FIPS 186-5 §6.4.2 */
static int run_verify(struct request *request) {
  const CpaCyEcdsaVerifyOpData *op = &request->u.verify;
  BIGNUM *n = get(&op->n), *m = get(&op->m), *r = get(&op->r), *s = get(&op->s);
  BIGNUM *w = BN_CTX_get(scratch), *u1 = BN_CTX_get(scratch), *u2 = BN_CTX_get(scratch), *x = BN_CTX_get(scratch);
  request->outcome = CPA_FALSE;
  if (BN_is_zero(r) || BN_is_zero(s) || BN_cmp(r, n) >= 0 || BN_cmp(s, n) >= 0) return 1;
  if (!BN_mod_inverse(w, s, n, scratch)) return 0;
  if (!BN_mod_mul(u1, m, w, n, scratch) || !BN_mod_mul(u2, r, w, n, scratch)) return 0;
  if (!point_x(&op->q, &op->a, &op->b, &op->xg, &op->yg, n, u1, &op->xp, &op->yp, u2, x)) return 1;
  request->outcome = BN_cmp(x, r) == 0 && !take(&faults.bad_verify);
  return 1;
}

void run_asymmetric(struct request *request) {
  scratch = BN_CTX_new();
  BN_CTX_start(scratch);
  int ok = 0;
  switch (request->kind) {
    case RSA_PUBLIC: ok = run_rsa_public(request); break;
    case RSA_PRIVATE: ok = run_rsa_private(request); break;
    case ECDSA_SIGN: ok = run_sign(request); break;
    case ECDSA_VERIFY: ok = run_verify(request); break;
    default: break;
  }
  BN_CTX_end(scratch);
  /* Frees and wipes: a card keeps no key either. */
  BN_CTX_free(scratch);
  if (!ok) request->status = CPA_STATUS_FAIL;
}
