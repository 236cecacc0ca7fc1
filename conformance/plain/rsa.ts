/**
 * RSA with integers of the language (RFC 8017), slow and in the open.
 *
 * @module
 */

import {
  RSA_HASHES,
  RSA_MAXIMUM_BITS,
  RSA_MINIMUM_BITS,
} from "../../algorithms/public_key.ts";
import type { RsaSession } from "../../algorithms/session_description.ts";
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
  const isPublic = session.keyType === "public";
  const numbers = readSequence(session.key).map(({ tag, content }) => {
    const isNegative = (content[0] ?? 0x80) >= 0x80;
    if (tag !== INTEGER || isNegative) throw new SyntaxError("No RSA key");
    return toInteger(content);
  });
  const [modulus = 0n, publicExponent = 0n, privateExponent, p = 0n, q = 0n] =
    isPublic ? numbers : numbers.slice(1);
  const bits = modulus.toString(2).length;
  const isSound = bits >= RSA_MINIMUM_BITS && bits <= RSA_MAXIMUM_BITS &&
    modulus % 2n === 1n && publicExponent % 2n === 1n && publicExponent > 1n;
  const isComplete = isPublic
    ? numbers.length === 2
    : numbers.length === 9 && numbers[0] === 0n && p * q === modulus;
  if (!isSound || !isComplete) throw new RangeError("No RSA key");
  const modulusBytes = Math.ceil(bits / 8);
  if (isPublic) return { modulus, publicExponent, modulusBytes };
  if (!privateExponent) throw new RangeError("No private exponent");
  return { modulus, publicExponent, privateExponent, modulusBytes };
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
  const filling = new Uint8Array(fillingBytes).fill(0xff);
  if (type === 2) {
    crypto.getRandomValues(filling);
    filling.forEach((byte, i) => filling[i] = byte || 1);
  }
  return concatenate(
    Uint8Array.of(0, type),
    filling,
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
