/**
 * Hashes and HMAC through Web Crypto.
 *
 * @module
 */

import { copyKey, keyRoom } from "../../algorithms/key_bytes.ts";
import { HASH_NAMES } from "./offers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Digests data that is there as a whole. */
export type WebDigest = (data: Bytes) => Promise<Bytes>;

function hashName(algorithm: string): string {
  const name = HASH_NAMES[algorithm];
  if (name === undefined) {
    throw new RangeError(`Cannot hash with ${algorithm}: it is not offered`);
  }
  return name;
}

/** A hash of the catalogue. */
export function makeHash(algorithm: string): WebDigest {
  const name = hashName(algorithm);
  return async (data) => new Uint8Array(await crypto.subtle.digest(name, data));
}

/** A MAC of the catalogue, for example `hmac-sha256`. */
export async function makeMac(
  algorithm: string,
  key: Uint8Array,
): Promise<WebDigest> {
  const hash = hashName(algorithm.replace(/^hmac-/, ""));
  // HMAC pads its key with zeros, so that none and a zero are the same; Web
  // Crypto does not take none.
  const own = key.length === 0 ? keyRoom(1) : copyKey(key);
  try {
    const imported = await crypto.subtle.importKey(
      "raw",
      own,
      { name: "HMAC", hash },
      false,
      ["sign"],
    );
    return async (data) =>
      new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
  } finally {
    own.fill(0);
  }
}
