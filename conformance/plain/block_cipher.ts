/**
 * AES, DES and triple DES on whole blocks, independent of each other: the one
 * thing that the plain backend takes from `node:crypto` for its block modes.
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";

/** A block cipher under one key; data is whole blocks. */
export interface BlockCipher {
  readonly blockBytes: number;
  encrypt(blocks: Uint8Array): Uint8Array<ArrayBuffer>;
  decrypt(blocks: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** AES with a key of 16, 24 or 32 bytes. */
export function aes(key: Uint8Array): BlockCipher {
  const name = `aes-${key.length * 8}-ecb`;
  const encryptor = createCipheriv(name, key, null).setAutoPadding(false);
  const decryptor = createDecipheriv(name, key, null).setAutoPadding(false);
  return {
    blockBytes: 16,
    encrypt: (blocks) => Uint8Array.from(encryptor.update(blocks)),
    decrypt: (blocks) => Uint8Array.from(decryptor.update(blocks)),
  };
}

/** Triple DES with three keys; three equal ones make it DES (SP 800-67 §3.2). */
export function tripleDes(key: Uint8Array): BlockCipher {
  // The runtime has CBC alone: its chaining is undone around it.
  const zero = new Uint8Array(8);
  const name = "des-ede3-cbc";
  const encryptor = createCipheriv(name, key, zero).setAutoPadding(false);
  let last: Uint8Array = zero;
  const encryptBlock = (block: Uint8Array) => {
    last = encryptor.update(xor(block, last));
    return last;
  };
  return {
    blockBytes: 8,
    encrypt(blocks) {
      const out = new Uint8Array(blocks.length);
      for (let i = 0; i < blocks.length; i += 8) {
        out.set(encryptBlock(blocks.subarray(i, i + 8)), i);
      }
      return out;
    },
    decrypt(blocks) {
      const decryptor = createDecipheriv(name, key, zero).setAutoPadding(false);
      const chained = decryptor.update(blocks);
      const before = new Uint8Array(blocks.length);
      before.set(blocks.subarray(0, Math.max(0, blocks.length - 8)), 8);
      return xor(chained, before);
    },
  };
}

/** Single DES. */
export function des(key: Uint8Array): BlockCipher {
  return tripleDes(concatenate(key, key, key));
}

/** `a` xor the equally long start of `b`. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}

/** All parts as one string of bytes. */
export function concatenate(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** `data` with zeros up to a multiple of `blockBytes`. */
export function zeroPad(data: Uint8Array, blockBytes: number): Uint8Array {
  const rest = data.length % blockBytes;
  return rest === 0
    ? data
    : concatenate(data, new Uint8Array(blockBytes - rest));
}

/** The blocks of `data`, which is whole blocks. */
export function blocksOf(data: Uint8Array, blockBytes: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let i = 0; i < data.length; i += blockBytes) {
    blocks.push(data.subarray(i, i + blockBytes));
  }
  return blocks;
}

/** Adds 1 to the last `counterBytes` of `block`, big-endian, with wrap-around. */
export function increment(
  block: Uint8Array,
  counterBytes = block.length,
): void {
  for (let i = block.length - 1; i >= block.length - counterBytes; i--) {
    block[i] = (block[i]! + 1) & 0xff;
    if (block[i] !== 0) return;
  }
}

/** `count` successive counter blocks, the first being `start`. */
export function counterBlocks(
  start: Uint8Array,
  count: number,
  counterBytes = start.length,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(count * start.length);
  const block = start.slice();
  for (let i = 0; i < count; i++) {
    out.set(block, i * start.length);
    increment(block, counterBytes);
  }
  return out;
}
