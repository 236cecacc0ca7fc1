/**
 * The AEAD service as its standards write it: GCM (SP 800-38D), CCM (SP
 * 800-38C) and ChaCha20-Poly1305 (RFC 8439, the runtime's).
 *
 * @module
 */

import { createCipheriv } from "node:crypto";
import {
  aes,
  blocksOf,
  concatenate,
  counterBlocks,
  increment,
  xor,
  zeroPad,
} from "./block_cipher.ts";
import { counterMode } from "./ciphers.ts";

/** Ciphertext and full tag. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** SP 800-38D §6.3: `x` times `h` in GF(2^128). */
function multiply(x: Uint8Array, h: Uint8Array): Uint8Array {
  const words = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    return [0, 4, 8, 12].map((at) => view.getUint32(at));
  };
  let [v0, v1, v2, v3] = words(h) as [number, number, number, number];
  let z0 = 0, z1 = 0, z2 = 0, z3 = 0;
  for (const word of words(x)) {
    for (let bit = 31; bit >= 0; bit--) {
      const take = -((word >>> bit) & 1);
      z0 ^= v0 & take;
      z1 ^= v1 & take;
      z2 ^= v2 & take;
      z3 ^= v3 & take;
      const reduce = -(v3 & 1) & 0xe1000000;
      v3 = (v3 >>> 1) | (v2 << 31);
      v2 = (v2 >>> 1) | (v1 << 31);
      v1 = (v1 >>> 1) | (v0 << 31);
      v0 = (v0 >>> 1) ^ reduce;
    }
  }
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  [z0, z1, z2, z3].forEach((word, i) => view.setUint32(4 * i, word));
  return out;
}

/** Two bit lengths of 64 bits each. */
function lengthBlock(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new DataView(new ArrayBuffer(16));
  out.setBigUint64(0, BigInt(a.length) * 8n);
  out.setBigUint64(8, BigInt(b.length) * 8n);
  return new Uint8Array(out.buffer);
}

/** SP 800-38D §7.1; a vector of 16 bytes is J0 itself. */
export function gcm(
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
): Sealed {
  const cipher = aes(key);
  const preCounter = iv.length === 16
    ? iv
    : concatenate(iv, Uint8Array.of(0, 0, 0, 1));
  const start = preCounter.slice();
  increment(start, 4);
  const ciphertext = plaintext.length === 0
    ? plaintext
    : counterMode(cipher, start, plaintext, 4);
  const h = cipher.encrypt(new Uint8Array(16));
  const hashed = concatenate(
    zeroPad(additionalData, 16),
    zeroPad(ciphertext, 16),
    lengthBlock(additionalData, ciphertext),
  );
  const hash = blocksOf(hashed, 16).reduce(
    (sum, block) => multiply(xor(sum, block), h),
    new Uint8Array(16) as Uint8Array,
  );
  return { ciphertext, tag: xor(hash, cipher.encrypt(preCounter)) };
}

/** SP 800-38C §A.2.2: how the length of the associated data is written. */
function encodeLength(lengthBytes: number): Uint8Array {
  if (lengthBytes === 0) return new Uint8Array(0);
  const out = new DataView(new ArrayBuffer(6));
  if (lengthBytes < 0xff00) {
    out.setUint16(4, lengthBytes);
    return new Uint8Array(out.buffer, 4);
  }
  out.setUint16(0, 0xfffe);
  out.setUint32(2, lengthBytes);
  return new Uint8Array(out.buffer);
}

/** SP 800-38C §A.2.1: flags, nonce and the length of the plaintext. */
function firstBlock(
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
  tagBytes: number,
): Uint8Array {
  const lengthFieldBytes = 15 - nonce.length;
  const block = new Uint8Array(16);
  block[0] = (additionalData.length > 0 ? 0x40 : 0) +
    8 * ((tagBytes - 2) / 2) + (lengthFieldBytes - 1);
  let length = plaintext.length;
  for (let i = 15; i > 15 - lengthFieldBytes; i--) {
    block[i] = length % 256;
    length = Math.floor(length / 256);
  }
  block.set(nonce, 1);
  return block;
}

/** SP 800-38C §6.1 with the formatting of §A. */
function ccm(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
  tagBytes: number,
): Sealed {
  const cipher = aes(key);
  const formatted = concatenate(
    firstBlock(nonce, plaintext, additionalData, tagBytes),
    zeroPad(
      concatenate(encodeLength(additionalData.length), additionalData),
      16,
    ),
    zeroPad(plaintext, 16),
  );
  const authentication = blocksOf(formatted, 16).reduce(
    (chain, block) => cipher.encrypt(xor(block, chain)),
    new Uint8Array(16),
  );
  const counter = new Uint8Array(16);
  counter[0] = 15 - nonce.length - 1;
  counter.set(nonce, 1);
  const count = 1 + Math.ceil(plaintext.length / 16);
  const stream = cipher.encrypt(counterBlocks(counter, count));
  return {
    ciphertext: xor(plaintext, stream.subarray(16)),
    tag: xor(authentication, stream).subarray(0, tagBytes),
  };
}

function chacha20Poly1305(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
): Sealed {
  const options = { authTagLength: 16 };
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, options);
  cipher.setAAD(additionalData, { plaintextLength: plaintext.length });
  const ciphertext = Uint8Array.from(cipher.update(plaintext));
  cipher.final();
  return { ciphertext, tag: Uint8Array.from(cipher.getAuthTag()) };
}

/** An AEAD encryption, or `undefined` when the algorithm is not known. */
export function plainSeal(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
  tagBytes: number,
): Sealed | undefined {
  switch (algorithm) {
    case "gcm": {
      const { ciphertext, tag } = gcm(key, iv, plaintext, additionalData);
      return { ciphertext, tag: tag.subarray(0, tagBytes) };
    }
    case "ccm":
      return ccm(key, iv, plaintext, additionalData, tagBytes);
    case "chacha20-poly1305":
      return chacha20Poly1305(key, iv, plaintext, additionalData);
  }
  return undefined;
}

/** The plaintext of a ciphertext; all these modes are stream ciphers. */
export function plainOpen(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array,
  ciphertext: Uint8Array,
  additionalData: Uint8Array,
  tagBytes: number,
): Sealed | undefined {
  const seal = (data: Uint8Array) =>
    plainSeal(algorithm, key, iv, data, additionalData, tagBytes);
  const first = seal(ciphertext);
  if (!first) return undefined;
  const tag = seal(first.ciphertext)!.tag;
  return { ciphertext: first.ciphertext, tag };
}
