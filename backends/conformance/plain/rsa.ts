/**
 * RSA with integers of the language (RFC 8017), slow and in the open.
 *
 * @module
 */

import { RSA_HASHES } from "../../../algorithms/public_key.ts";
import type { RsaSession } from "../../../algorithms/session_description.ts";
import { concatenate } from "./block_cipher.ts";
import { INTEGER, readSequence, toBytes, toInteger } from "./der.ts";

/** A public key, with the private exponent where there is one. */
export interface RsaKey {
  readonly modulus: bigint;
  readonly publicExponent: bigint;
  readonly privateExponent?: bigint;
  readonly modulusBytes: number;
}

/** RSAPublicKey or RSAPrivateKey (RFC 8017 §A.1). */
export function readRsaKey(
  session: Pick<RsaSession, "key" | "keyType">,
): RsaKey {
  const numbers = readSequence(session.key).map(({ tag, content }) => {
    if (tag !== INTEGER) throw new SyntaxError("RSA key: not an integer");
    return toInteger(content);
  });
  const [modulus, publicExponent, privateExponent] =
    session.keyType === "public" ? numbers : numbers.slice(1);
  if (!modulus || !publicExponent) {
    throw new SyntaxError("RSA key is too short");
  }
  const modulusBytes = Math.ceil(modulus.toString(2).length / 8);
  return session.keyType === "public" || !privateExponent
    ? { modulus, publicExponent, modulusBytes }
    : { modulus, publicExponent, privateExponent, modulusBytes };
}

/** `base` to the power `exponent`, modulo `modulus`. */
export function power(
  base: bigint,
  exponent: bigint,
  modulus: bigint,
): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = result * result % modulus;
    if (bit === "1") result = result * base % modulus;
  }
  return result;
}

function transform(
  key: RsaKey,
  exponent: bigint | undefined,
  data: Uint8Array,
): Uint8Array | undefined {
  const value = toInteger(data);
  if (exponent === undefined || value >= key.modulus) return undefined;
  return toBytes(power(value, exponent, key.modulus), key.modulusBytes);
}

/** RSAEP, or `undefined` for a number that is not below the modulus. */
export function publicTransform(key: RsaKey, data: Uint8Array) {
  return transform(key, key.publicExponent, data);
}

/** RSADP, or `undefined` without a private key or for a number too large. */
export function privateTransform(key: RsaKey, data: Uint8Array) {
  return transform(key, key.privateExponent, data);
}

/** RFC 8017 §7.2.1 and §9.2: 00 ‖ type ‖ filling ‖ 00 ‖ data. */
export function padBlock(
  key: RsaKey,
  type: 1 | 2,
  data: Uint8Array,
): Uint8Array | undefined {
  const fillingBytes = key.modulusBytes - 3 - data.length;
  if (fillingBytes < 8) return undefined;
  // Encryption asks for random filling; any that has no zero serves here.
  return concatenate(
    Uint8Array.of(0, type),
    new Uint8Array(fillingBytes).fill(0xff),
    Uint8Array.of(0),
    data,
  );
}

/** RFC 8017 §7.2.2 step 3, or `undefined` for anything else. */
export function unpadBlock(block: Uint8Array): Uint8Array | undefined {
  const end = block.indexOf(0, 2);
  if (block[0] !== 0 || block[1] !== 2 || end < 10) return undefined;
  return block.subarray(end + 1);
}

/** DigestInfo (RFC 8017 §9.2), or `undefined` for a digest of other length. */
export function digestInfo(
  hashName: string,
  digest: Uint8Array,
): Uint8Array | undefined {
  const hash = RSA_HASHES.find(({ name }) => name === hashName);
  if (!hash || (hash.digestBytes > 0 && hash.digestBytes !== digest.length)) {
    return undefined;
  }
  return concatenate(hash.digestInfoPrefix, digest);
}
