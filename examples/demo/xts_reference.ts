/**
 * AES-256-XTS from AES-256-ECB: Deno's `node:crypto` has no XTS, so the check
 * of the demo composes it from the block cipher as IEEE 1619-2007 §5.3 says.
 *
 * @module
 */

import { createCipheriv } from "node:crypto";

const KEY_BYTES = 32;
const BLOCK_BYTES = 16;

function ecb(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv("aes-256-ecb", key, null);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

/** The tweaks of all blocks: each is the one before times alpha. */
function tweaks(first: Uint8Array, lengthBytes: number): Uint32Array {
  const words = new Uint32Array(lengthBytes / 4);
  words.set(new Uint32Array(first.slice().buffer));
  for (let i = 4; i < words.length; i += 4) {
    const carry = words[i - 1]! >>> 31;
    words[i] = (words[i - 4]! << 1) ^ (carry * 0x87);
    for (let word = 1; word < 4; word++) {
      words[i + word] = (words[i + word - 4]! << 1) |
        (words[i + word - 5]! >>> 31);
    }
  }
  return words;
}

/** Encrypts whole blocks under the 64-byte `key` and the 16-byte `tweak`. */
export function encryptXts(
  key: Uint8Array,
  tweak: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  if (data.length === 0 || data.length % BLOCK_BYTES !== 0) {
    throw new RangeError(`Cannot check XTS over ${data.length} bytes`);
  }
  const mask = tweaks(ecb(key.subarray(KEY_BYTES), tweak), data.length);
  const words = new Uint32Array(data.slice().buffer);
  for (let i = 0; i < words.length; i++) words[i]! ^= mask[i]!;
  const enciphered = ecb(
    key.subarray(0, KEY_BYTES),
    new Uint8Array(words.buffer),
  );
  const result = new Uint32Array(enciphered.slice().buffer);
  for (let i = 0; i < result.length; i++) result[i]! ^= mask[i]!;
  return new Uint8Array(result.buffer);
}
