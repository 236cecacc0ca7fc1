/**
 * The HASH and MAC services as their standards write them; hashes and HMAC are
 * the runtime's.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import {
  aes,
  type BlockCipher,
  blocksOf,
  concatenate,
  tripleDes,
  xor,
  zeroPad,
} from "./block_cipher.ts";
import { gcm } from "./aeads.ts";

/** The first `resultBytes` of a hash, or `undefined` when it is not known. */
export function plainHash(
  algorithm: string,
  data: Uint8Array,
  resultBytes: number,
): Uint8Array | undefined {
  const options = algorithm.startsWith("shake")
    ? { outputLength: resultBytes }
    : {};
  const digest = createHash(algorithm, options).update(data).digest();
  return Uint8Array.from(digest.subarray(0, resultBytes));
}

/** CBC from a zero vector, of which the last block remains. */
function lastCbcBlock(cipher: BlockCipher, data: Uint8Array): Uint8Array {
  let chain: Uint8Array = new Uint8Array(cipher.blockBytes);
  for (const block of blocksOf(data, cipher.blockBytes)) {
    chain = cipher.encrypt(xor(block, chain));
  }
  return chain;
}

/** SP 800-38B §6.1: a subkey is the one before it, times x. */
function nextSubkey(subkey: Uint8Array): Uint8Array {
  const out = subkey.map((byte, i) =>
    (byte << 1) | ((subkey[i + 1] ?? 0) >> 7)
  );
  if (subkey[0]! & 0x80) {
    out[out.length - 1]! ^= out.length === 16 ? 0x87 : 0x1b;
  }
  return out;
}

/** The last block completed with 10…0 where it is short, and a subkey. */
function closeLastBlock(
  data: Uint8Array,
  blockBytes: number,
  whole: Uint8Array,
  padded: Uint8Array,
): Uint8Array {
  const isWhole = data.length > 0 && data.length % blockBytes === 0;
  const closed = isWhole
    ? data.slice()
    : zeroPad(concatenate(data, Uint8Array.of(0x80)), blockBytes).slice();
  const at = closed.length - blockBytes;
  closed.set(xor(closed.subarray(at), isWhole ? whole : padded), at);
  return closed;
}

/** SP 800-38B §6.2. */
function cmac(cipher: BlockCipher, data: Uint8Array): Uint8Array {
  const whole = nextSubkey(cipher.encrypt(new Uint8Array(cipher.blockBytes)));
  return lastCbcBlock(
    cipher,
    closeLastBlock(data, cipher.blockBytes, whole, nextSubkey(whole)),
  );
}

/** RFC 3566 §4. */
function xcbc(key: Uint8Array, data: Uint8Array): Uint8Array {
  const [key1, key2, key3] = [1, 2, 3].map((value) =>
    aes(key).encrypt(new Uint8Array(16).fill(value))
  );
  return lastCbcBlock(aes(key1!), closeLastBlock(data, 16, key2!, key3!));
}

/** SP 800-38D §3: GCM without plaintext; the vector opens the data. */
function gmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  const empty = new Uint8Array(0);
  return gcm(key, data.subarray(0, 12), empty, data.subarray(12)).tag;
}

/** A full message authentication code, or `undefined` when it is not known. */
export function plainMac(
  algorithm: string,
  key: Uint8Array,
  data: Uint8Array,
): Uint8Array | undefined {
  if (algorithm.startsWith("hmac-")) {
    const hmac = createHmac(algorithm.slice("hmac-".length), key);
    return Uint8Array.from(hmac.update(data).digest());
  }
  switch (algorithm) {
    case "cmac-aes":
      return cmac(aes(key), data);
    case "cmac-3des":
      return cmac(tripleDes(key), data);
    case "cbcmac-aes":
      return lastCbcBlock(aes(key), data);
    case "xcbc-aes":
      return xcbc(key, data);
    case "gmac-aes":
      return gmac(key, data);
  }
  return undefined;
}
