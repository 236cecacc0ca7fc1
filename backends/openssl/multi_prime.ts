/**
 * Whether libcrypto has RSA keys of more than two primes: every version can be
 * built without them, and a FIPS provider has none.
 *
 * @module
 */

import type { CryptoLibrary } from "./library.ts";
import { OpensslRsa } from "./rsa.ts";

/** What libcrypto computes with at most (RSA_MAX_PRIME_NUM of rsa_local.h). */
const MAXIMUM_PRIMES = 5;

/** An RSAPrivateKey of as many primes and 512 bits, which guards nothing. */
const TRIAL_KEY = `
  3082016702010102410095b51660403d9b51c88ef9e00cf8404658794130939375279fee
  f9e173becaed322eb010ee8357df4fae7778988775094e469e4ef0b5be40ae2f9bf56242
  b7ef0203010001023f1798a3a93cc18e6c9fe44be58f4ca55a5ce33bd410e5e46e326f47
  5e7b21aee170629fc032606f67b293e9b1e97c293686b85527c79d3618d9db52dabeb5c1
  020d7bd90fce6be0a03f041e342fbf020d6756b9f199fb8657c19609d683020d7626003f
  4388da36e3bdd0b94f020d06ce9aaf0482a205d3d5ab4e3b020d08f3a5662ed3d973772f
  bed95730818d302d020d3c71f442e745769e2c0f448841020d2813eebf8594fb4779334e
  5f81020d169b0362a1f37f2865f688f386302d020d3d6a51e8acfee7501bee1f013b020d
  1232db2ab378a55a9bac280bd9020d07febea34bac55abe5ac00d430302d020d34dd97b4
  951ed8b37bb48c1261020d1e6ebde93fbacd26ad7ce6f1a1020d067f407b4aa5efbf01e5
  735388`;

/** The most primes of a private key; `undefined` where it is two. */
export function mostPrimes(library: CryptoLibrary): number | undefined {
  const key = Uint8Array.fromHex(TRIAL_KEY.replaceAll(/\s/g, ""));
  try {
    new OpensslRsa(library, { keyType: "private", key }).close();
    return MAXIMUM_PRIMES;
  } catch {
    library.clearErrors();
    return undefined;
  }
}
