/**
 * RSA private keys of more than two primes (RFC 8017 §A.1.2, version 1). Not
 * every library has them, so that their number decides where a session can go.
 *
 * @module
 */

import { DerError, DerReader, DerTag } from "./der.ts";
import { checkRsaPublicKey, type RsaPublicKey } from "./rsa_key.ts";

/** What every key has. */
export const RSA_USUAL_PRIMES = 2;

const MULTI_PRIME_VERSION = 1n;

function skipIntegers(fields: DerReader, count: number): void {
  for (let i = 0; i < count; i++) fields.contents(DerTag.Integer);
}

/** RFC 8017 §3.2: the factors are odd primes. */
function skipPrime(fields: DerReader): void {
  const octets = fields.contents(DerTag.Integer);
  const isOdd = (octets.at(-1)! & 1) === 1;
  if (!isOdd || (octets.length === 1 && octets[0] === 1)) {
    throw new DerError("RSA prime that is even or 1");
  }
}

/** How many primes follow the second. Throws {@linkcode DerError} for none. */
function countOtherPrimes(fields: DerReader): number {
  const primes = fields.enter(DerTag.Sequence);
  fields.expectEnd();
  let count = 0;
  do {
    const prime = primes.enter(DerTag.Sequence);
    skipPrime(prime);
    // Its exponent and its coefficient.
    skipIntegers(prime, 2);
    prime.expectEnd();
    count++;
  } while (!primes.isAtEnd);
  return count;
}

function readMultiPrimeKey(der: Uint8Array) {
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.unsigned() !== MULTI_PRIME_VERSION) {
    throw new DerError("RSA private key that is not of version 1");
  }
  const modulus = fields.magnitude();
  const publicExponent = fields.magnitude();
  // The private exponent; then the first two primes, their exponents and the
  // coefficient.
  skipIntegers(fields, 1);
  skipPrime(fields);
  skipPrime(fields);
  skipIntegers(fields, 3);
  const primes = RSA_USUAL_PRIMES + countOtherPrimes(fields);
  return { modulus, publicExponent, primes };
}

/** The primes of an RSAPrivateKey; two for anything that is none of version 1. */
export function rsaPrimeCount(der: Uint8Array): number {
  try {
    return readMultiPrimeKey(der).primes;
  } catch {
    return RSA_USUAL_PRIMES;
  }
}

/**
 * The public half of a multi-prime RSAPrivateKey, whose private half is only
 * skipped: whether the two belong together is the library's to find. Throws
 * {@linkcode DerError}.
 */
export function parseMultiPrimePublicHalf(der: Uint8Array): RsaPublicKey {
  const { modulus, publicExponent } = readMultiPrimeKey(der);
  return checkRsaPublicKey(modulus, publicExponent);
}
