/**
 * RSA keys as sessions carry them (RFC 8017 §A.1), parsed and checked so that a
 * broken key is found when the session is made and never later.
 *
 * @module
 */

import {
  bitLength,
  DerError,
  DerReader,
  DerTag,
  numberToBytes,
} from "./der.ts";
import { RSA_MAXIMUM_BITS, RSA_MINIMUM_BITS } from "./public_key.ts";
import { compare, isOne, SecretArithmetic } from "./secret_arithmetic.ts";

export interface RsaPublicKey {
  readonly modulus: bigint;
  readonly publicExponent: bigint;
  /** Length of the modulus, and so of every ciphertext and signature. */
  readonly modulusBytes: number;
}

/**
 * The names are those of RFC 8017 §A.1.2. Secret numbers are big-endian and no
 * longer than they must be; they are windows on the DER, not copies of it.
 */
export interface RsaPrivateKey extends RsaPublicKey {
  readonly privateExponent: Uint8Array;
  readonly prime1: Uint8Array;
  readonly prime2: Uint8Array;
  readonly exponent1: Uint8Array;
  readonly exponent2: Uint8Array;
  readonly coefficient: Uint8Array;
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
    privateExponent: fields.magnitudeBytes(),
    prime1: fields.magnitudeBytes(),
    prime2: fields.magnitudeBytes(),
    exponent1: fields.magnitudeBytes(),
    exponent2: fields.magnitudeBytes(),
    coefficient: fields.magnitudeBytes(),
  };
  fields.expectEnd();
  checkPrivate(key);
  return key;
}

/** RFC 8017 §3.2: how the parts of a private key hang together. */
function checkPrivate(key: RsaPrivateKey): void {
  // Not `using`, which Node 22 cannot read.
  const arithmetic = new SecretArithmetic();
  try {
    checkNumbers(key, arithmetic);
  } finally {
    arithmetic[Symbol.dispose]();
  }
}

function checkNumbers(key: RsaPrivateKey, arithmetic: SecretArithmetic): void {
  const number = (bytes: Uint8Array) => arithmetic.number(bytes);
  const [p, q] = [number(key.prime1), number(key.prime2)];
  const d = number(key.privateExponent);
  const n = number(bytesOf(key.modulus));
  // The modulus is odd, so that no factor is 2.
  if (
    isOne(p) || isOne(q) || compare(p, q) === 0 ||
    compare(arithmetic.product(p, q), n) !== 0
  ) throw new DerError("RSA modulus that is not the product of its primes");
  if (d.length === 0 || isOne(d) || compare(d, n) >= 0) {
    throw new DerError("RSA private exponent out of range");
  }
  const ed = arithmetic.product(number(bytesOf(key.publicExponent)), d);
  for (
    const [prime, exponent] of [[p, key.exponent1], [q, key.exponent2]] as const
  ) {
    const order = arithmetic.predecessor(prime);
    if (!isOne(arithmetic.remainder(ed, order))) {
      throw new DerError("RSA exponents that are not each other's inverse");
    }
    if (compare(number(exponent), arithmetic.remainder(d, order)) !== 0) {
      throw new DerError("RSA prime exponents that do not follow from the key");
    }
  }
  const coefficient = number(key.coefficient);
  const unit = arithmetic.remainder(arithmetic.product(coefficient, q), p);
  if (compare(coefficient, p) >= 0 || !isOne(unit)) {
    throw new DerError("RSA coefficient that does not follow from the primes");
  }
}

/** The bytes of a number that is no secret. */
const bytesOf = (number: bigint): Uint8Array =>
  numberToBytes(number, Math.ceil(bitLength(number) / 8));
