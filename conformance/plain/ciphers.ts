/**
 * The CIPHER service as its standards write it: ECB, CBC and CTR (SP 800-38A),
 * XTS (IEEE 1619), F8 (RFC 3711 §4.1.2) and ARC4 (RFC 6229).
 *
 * @module
 */

import type { Direction } from "../../algorithms/session_description.ts";
import {
  aes,
  type BlockCipher,
  blocksOf,
  concatenate,
  counterBlocks,
  des,
  tripleDes,
  xor,
} from "./block_cipher.ts";

function cbc(
  cipher: BlockCipher,
  direction: Direction,
  iv: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  if (direction === "decrypt") {
    return xor(cipher.decrypt(data), concatenate(iv, data));
  }
  let previous = iv;
  return concatenate(
    ...blocksOf(data, cipher.blockBytes).map((block) => {
      previous = cipher.encrypt(xor(block, previous));
      return previous;
    }),
  );
}

/** SP 800-38A §6.5; `counterBytes` of the block count. */
export function counterMode(
  cipher: BlockCipher,
  start: Uint8Array,
  data: Uint8Array,
  counterBytes?: number,
): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(data.length / cipher.blockBytes);
  return xor(data, cipher.encrypt(counterBlocks(start, count, counterBytes)));
}

/** Multiplication by x in GF(2^128), little-endian (IEEE 1619 §5.2). */
function doubleTweak(tweak: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  let carry = 0;
  for (let i = 0; i < 16; i++) {
    out[i] = (tweak[i]! << 1) | carry;
    carry = tweak[i]! >> 7;
  }
  out[0]! ^= carry * 0x87;
  return out;
}

/** IEEE 1619 §5.3 and §5.4, with ciphertext stealing. */
function xts(
  key: Uint8Array,
  direction: Direction,
  iv: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const half = key.length / 2;
  const cipher = aes(key.subarray(0, half));
  const crypt = (block: Uint8Array, tweak: Uint8Array) =>
    xor(
      direction === "encrypt"
        ? cipher.encrypt(xor(block, tweak))
        : cipher.decrypt(xor(block, tweak)),
      tweak,
    );
  const rest = data.length % 16;
  const plainBlocks = Math.floor(data.length / 16) - (rest ? 1 : 0);
  const out = new Uint8Array(data.length);
  let tweak: Uint8Array = aes(key.subarray(half)).encrypt(iv);
  for (let i = 0; i < plainBlocks; i++) {
    out.set(crypt(data.subarray(16 * i, 16 * i + 16), tweak), 16 * i);
    tweak = doubleTweak(tweak);
  }
  if (rest === 0) return out;
  const at = 16 * plainBlocks;
  const next = doubleTweak(tweak);
  const [first, second] = direction === "encrypt"
    ? [tweak, next]
    : [next, tweak];
  const stolen = crypt(data.subarray(at, at + 16), first);
  const last = concatenate(data.subarray(at + 16), stolen.subarray(rest));
  out.set(crypt(last, second), at);
  out.set(stolen.subarray(0, rest), at + 16);
  return out;
}

/** RFC 3711 §4.1.2.1; the key ends with the mask m. */
function f8(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const half = key.length / 2;
  const mask = key.subarray(half);
  const start = aes(xor(key.subarray(0, half), mask)).encrypt(iv);
  const cipher = aes(key.subarray(0, half));
  const numbers = counterBlocks(
    new Uint8Array(16),
    Math.ceil(data.length / 16),
  );
  let previous: Uint8Array = new Uint8Array(16);
  const stream = blocksOf(numbers, 16).map((number) => {
    previous = cipher.encrypt(xor(xor(start, number), previous));
    return previous;
  });
  return xor(data, concatenate(...stream));
}

function arc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, i) => i);
  const swap = (i: number, j: number) => {
    [state[i], state[j]] = [state[j]!, state[i]!];
  };
  let j = 0;
  for (let i = 0; i < 256; i++) {
    j = (j + state[i]! + key[i % key.length]!) & 0xff;
    swap(i, j);
  }
  j = 0;
  return data.map((byte, index) => {
    const i = (index + 1) & 0xff;
    j = (j + state[i]!) & 0xff;
    swap(i, j);
    return byte ^ state[(state[i]! + state[j]!) & 0xff]!;
  });
}

/** The result of a cipher, or `undefined` when it is not known here. */
export function plainCipher(
  algorithm: string,
  direction: Direction,
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
): Uint8Array | undefined {
  switch (algorithm) {
    case "arc4":
      return arc4(key, data);
    case "aes-f8":
      return f8(key, iv, data);
    case "aes-xts":
      return data.length === 0 ? data : xts(key, direction, iv, data);
  }
  const [family, mode] = algorithm.split("-");
  const make = family && { aes, des, "3des": tripleDes }[family];
  if (!make || data.length === 0) return make ? data : undefined;
  switch (mode) {
    case "ecb":
      return make(key)[direction](data);
    case "cbc":
      return cbc(make(key), direction, iv, data);
    case "ctr":
      return counterMode(make(key), iv, data);
  }
  return undefined;
}
