/**
 * Keys of symmetric algorithms in the forms that people have them in.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { SecretKey } from "../parameters.ts";
import { exportSecretKey, isCryptoKey } from "./crypto_key.ts";
import { decodeSecretJwk } from "./json_web_key.ts";
import { KeyError } from "./key_error.ts";

/**
 * A copy of the key's bytes, to be wiped. Bytes and objects are read before it
 * returns; a promise comes of a `CryptoKey` alone. Throws, or rejects with, a
 * {@linkcode KeyError}.
 */
export function takeSecretKey(
  key: SecretKey,
): Uint8Array | Promise<Uint8Array> {
  if (key instanceof Uint8Array) return copyKey(key);
  if (isCryptoKey(key)) return exportSecretKey(key);
  if (typeof key === "object" && key !== null && "kty" in key) {
    return decodeSecretJwk(key);
  }
  throw new KeyError(
    key === undefined ? "is missing" : "is of no known form",
    "a Uint8Array, a JSON Web Key or a CryptoKey",
  );
}
