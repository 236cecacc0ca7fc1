/**
 * What this backend offers, and why not the rest.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../../algorithms/catalogue.ts";
import type { Offer } from "../backend.ts";

/** Catalogue name -> Web Crypto's name of the hash. */
export const HASH_NAMES: Readonly<Record<string, string>> = {
  sha1: "SHA-1",
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};

/**
 * From these lengths of data on it is faster than TypeScript, by measurement; a
 * promise of Web Crypto costs some 30 microseconds, whatever it is for.
 */
const FROM_BYTES: Readonly<Record<string, number>> = {
  "cipher.aes-cbc": 8192,
  "cipher.aes-ctr": 4096,
  "aead.gcm": 4096,
};
const DIGEST_FROM_BYTES = 8192;

const fromBytes = (algorithm: string): number =>
  FROM_BYTES[algorithm] ?? DIGEST_FROM_BYTES;

const OFFERED: readonly string[] = [
  ...Object.keys(FROM_BYTES),
  ...Object.keys(HASH_NAMES).map((name) => `hash.${name}`),
  ...Object.keys(HASH_NAMES).map((name) => `mac.hmac-${name}`),
];

export const OFFERS: readonly Offer[] = OFFERED.map((algorithm) => ({
  algorithm,
  fromBytes: fromBytes(algorithm),
}));

const NOT_IN_WEB_CRYPTO = "Web Crypto does not have it";
const REASONS: Readonly<Record<string, string>> = {
  "akcipher.rsa": "Web Crypto takes messages, and requests carry digests",
  "akcipher.ecdsa": "Web Crypto takes messages, and requests carry digests",
};

/** Qualified algorithm name -> why this backend does not offer it. */
export const NOT_OFFERED: Readonly<Record<string, string>> = Object
  .fromEntries(
    ALGORITHMS.map(qualifiedName)
      .filter((name) => !OFFERED.includes(name))
      .map((name) => [name, REASONS[name] ?? NOT_IN_WEB_CRYPTO]),
  );
