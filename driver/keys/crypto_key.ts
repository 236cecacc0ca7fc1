/**
 * The bytes of Web Crypto's keys.
 *
 * @module
 */

import { KeyError } from "./key_error.ts";

/** Whether `value` is one; some runtimes have no Web Crypto. */
export function isCryptoKey(value: unknown): value is CryptoKey {
  return typeof CryptoKey === "function" && value instanceof CryptoKey;
}

async function exportKey(
  format: "raw" | "pkcs8" | "spki",
  key: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!key.extractable) {
    throw new KeyError(
      "is a CryptoKey that is not extractable",
      "one that is: the device needs its bytes",
    );
  }
  return new Uint8Array(await crypto.subtle.exportKey(format, key));
}

/** The bytes of a secret key, to be wiped. */
export async function exportSecretKey(
  key: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  if (key.type === "secret") return await exportKey("raw", key);
  throw new KeyError(`is a ${key.type} CryptoKey`, "a secret one");
}

/** PKCS#8 or SubjectPublicKeyInfo of one half of a pair, to be wiped. */
export async function exportPublicKeyPair(
  key: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  if (key.type === "private") return await exportKey("pkcs8", key);
  if (key.type === "public") return await exportKey("spki", key);
  throw new KeyError("is a secret CryptoKey", "a public or a private one");
}
