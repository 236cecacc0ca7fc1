/**
 * RSA keys as sessions carry them (RFC 8017 §A.1), parsed and checked so that a
 * broken key is found when the session is made and never later.
 *
 * @module
 */

import { bitLength, DerError, DerReader, DerTag } from "./der.ts";
import { RSA_MAXIMUM_BITS, RSA_MINIMUM_BITS } from "./public_key.ts";

export interface RsaPublicKey {
  readonly modulus: bigint;
  readonly publicExponent: bigint;
  /** Length of the modulus, and so of every ciphertext and signature. */
  readonly modulusBytes: number;
}

/** The names are those of RFC 8017 §A.1.2. */
export interface RsaPrivateKey extends RsaPublicKey {
  readonly privateExponent: bigint;
  readonly prime1: bigint;
  readonly prime2: bigint;
  readonly exponent1: bigint;
  readonly exponent2: bigint;
  readonly coefficient: bigint;
}

/** Above this modulus, a long public exponent costs a device too much time. */
const LONG_EXPONENT_MAXIMUM_BITS = 3072;
const SHORT_EXPONENT_BITS = 64;

/** Throws {@linkcode DerError} for numbers that are no public key. */
export function checkRsaPublicKey(
  modulus: bigint,
  publicExponent: bigint,
): RsaPublicKey {
  const bits = bitLength(modulus);
  if (bits < RSA_MINIMUM_BITS || bits > RSA_MAXIMUM_BITS) {
    throw new DerError(
      `RSA modulus of ${bits} bits, expected ${RSA_MINIMUM_BITS}..${RSA_MAXIMUM_BITS}`,
    );
  }
  if ((modulus & 1n) === 0n) throw new DerError("RSA modulus that is even");
  // RFC 8017 §3.1: 3 <= e <= n - 1, and e is odd since it is coprime to p - 1.
  if (
    publicExponent < 3n || (publicExponent & 1n) === 0n ||
    publicExponent >= modulus
  ) throw new DerError("RSA public exponent that is even or out of range");
  if (
    bits > LONG_EXPONENT_MAXIMUM_BITS &&
    bitLength(publicExponent) > SHORT_EXPONENT_BITS
  ) {
    throw new DerError(
      `RSA public exponent above ${SHORT_EXPONENT_BITS} bits in a ${bits}-bit key`,
    );
  }
  return { modulus, publicExponent, modulusBytes: Math.ceil(bits / 8) };
}

/** The DER of RSAPublicKey. Throws {@linkcode DerError}. */
export function parseRsaPublicKey(der: Uint8Array): RsaPublicKey {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  const modulus = fields.magnitude();
  const publicExponent = fields.magnitude();
  fields.expectEnd();
  return checkRsaPublicKey(modulus, publicExponent);
}

/** The DER of a two-prime RSAPrivateKey. Throws {@linkcode DerError}. */
export function parseRsaPrivateKey(der: Uint8Array): RsaPrivateKey {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.unsigned() !== 0n) {
    throw new DerError("RSA private key that has not exactly two primes");
  }
  const modulus = fields.magnitude();
  const publicExponent = fields.magnitude();
  const key: RsaPrivateKey = {
    ...checkRsaPublicKey(modulus, publicExponent),
    privateExponent: fields.magnitude(),
    prime1: fields.magnitude(),
    prime2: fields.magnitude(),
    exponent1: fields.magnitude(),
    exponent2: fields.magnitude(),
    coefficient: fields.magnitude(),
  };
  fields.expectEnd();
  checkPrivate(key);
  return key;
}

/** RFC 8017 §3.2: how the parts of a private key hang together. */
function checkPrivate(key: RsaPrivateKey): void {
  const { modulus, publicExponent: e, privateExponent: d } = key;
  const { prime1: p, prime2: q } = key;
  if (p < 3n || q < 3n || p === q || p * q !== modulus) {
    throw new DerError("RSA modulus that is not the product of its primes");
  }
  if (d < 2n || d >= modulus) {
    throw new DerError("RSA private exponent out of range");
  }
  if ((e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) {
    throw new DerError("RSA exponents that are not each other's inverse");
  }
  if (key.exponent1 !== d % (p - 1n) || key.exponent2 !== d % (q - 1n)) {
    throw new DerError("RSA prime exponents that do not follow from the key");
  }
  if (key.coefficient >= p || (key.coefficient * q) % p !== 1n) {
    throw new DerError("RSA coefficient that does not follow from the primes");
  }
}
