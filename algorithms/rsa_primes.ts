/**
 * RSA private keys of more than two primes (RFC 8017 §A.1.2, version 1). Not
 * every library has them, so that their number decides where a session can go.
 *
 * @module
 */

import { DerError, DerReader, DerTag } from "./der.ts";
import { checkRsaPublicKey, type RsaPrivateKey } from "./rsa_key.ts";

/** What every key has. */
export const RSA_USUAL_PRIMES = 2;

const MULTI_PRIME_VERSION = 1n;

/** A prime from the third on, with names of RFC 8017 §A.1.2; windows on the DER. */
export interface RsaOtherPrime {
  readonly prime: Uint8Array;
  readonly exponent: Uint8Array;
  readonly coefficient: Uint8Array;
}

/** A key whose private numbers need not belong to its public ones. */
export interface RsaMultiPrimeKey extends RsaPrivateKey {
  readonly otherPrimes: readonly RsaOtherPrime[];
}

/** RFC 8017 §3.2: the factors are odd primes. */
function readPrime(fields: DerReader): Uint8Array {
  const prime = fields.magnitudeBytes();
  const isOdd = (prime.at(-1)! & 1) === 1;
  if (!isOdd || (prime.length === 1 && prime[0] === 1)) {
    throw new DerError("RSA prime that is even or 1");
  }
  return prime;
}

/** The primes that follow the second. Throws {@linkcode DerError} for none. */
function readOtherPrimes(fields: DerReader): RsaOtherPrime[] {
  const primes = fields.enter(DerTag.Sequence);
  fields.expectEnd();
  const all: RsaOtherPrime[] = [];
  do {
    const one = primes.enter(DerTag.Sequence);
    all.push({
      prime: readPrime(one),
      exponent: one.magnitudeBytes(),
      coefficient: one.magnitudeBytes(),
    });
    one.expectEnd();
  } while (!primes.isAtEnd);
  return all;
}

function readMultiPrimeKey(der: Uint8Array) {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.unsigned() !== MULTI_PRIME_VERSION) {
    throw new DerError("RSA private key that is not of version 1");
  }
  return {
    modulus: fields.magnitude(),
    publicExponent: fields.magnitude(),
    privateExponent: fields.magnitudeBytes(),
    prime1: readPrime(fields),
    prime2: readPrime(fields),
    exponent1: fields.magnitudeBytes(),
    exponent2: fields.magnitudeBytes(),
    coefficient: fields.magnitudeBytes(),
    otherPrimes: readOtherPrimes(fields),
  };
}

/** The primes of an RSAPrivateKey; two for anything that is none of version 1. */
export function rsaPrimeCount(der: Uint8Array): number {
  try {
    return RSA_USUAL_PRIMES + readMultiPrimeKey(der).otherPrimes.length;
  } catch {
    return RSA_USUAL_PRIMES;
  }
}

/**
 * A multi-prime RSAPrivateKey, whose private half is only read: whether it belongs
 * to the public one is the library's to find. Throws {@linkcode DerError}.
 */
export function parseMultiPrimeKey(der: Uint8Array): RsaMultiPrimeKey {
  const key = readMultiPrimeKey(der);
  return { ...key, ...checkRsaPublicKey(key.modulus, key.publicExponent) };
}
