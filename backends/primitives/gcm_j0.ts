/**
 * GCM whose 16-byte IV is the pre-counter block J0 itself (NIST SP 800-38D
 * §7.1). A library would hash an IV of 16 bytes, so the mode is composed.
 *
 * The data is enciphered in counter mode from inc32(J0). The tag is
 * GHASH(A, C) ^ E(J0), and GHASH comes out of the library's GCM: over the padded
 * A || C of n bits as associated data, under a zero 12-byte IV, it computes
 *
 *     T' = (S ^ [n, 0]) * H ^ E(0^96 || 1)
 *
 * where S is the hash state after the last block. The state that is wanted ends
 * in (S ^ [a, c]) * H with the bit lengths a of A and c of C. Multiplication
 * distributes over ^, so
 *
 *     tag = T' ^ E(0^96 || 1) ^ ([n ^ a, c] * H) ^ E(J0)
 *
 * @module
 */

import type {
  Aead,
  AeadLengths,
  Bytes,
  Cipher,
  Primitives,
} from "./primitives.ts";

/** What the mode is composed from. */
type Parts = Pick<Primitives, "makeAead" | "makeCipher">;

/** An IV of this length is the pre-counter block. */
export const J0_BYTES = 16;

const BLOCK_BYTES = 16;
const block = (): Bytes => new Uint8Array(new ArrayBuffer(BLOCK_BYTES));

/** Product in GHASH's field (SP 800-38D §6.3), in constant time; into `x`. */
export function multiplyInField(x: Bytes, y: Bytes): void {
  const from = new DataView(y.buffer, y.byteOffset, BLOCK_BYTES);
  let [v0, v1, v2, v3] = [0, 4, 8, 12].map((at) => from.getUint32(at)) as [
    number,
    number,
    number,
    number,
  ];
  let [z0, z1, z2, z3] = [0, 0, 0, 0];
  for (let bit = 0; bit < 128; bit++) {
    const take = -((x[bit >> 3]! >> (7 - (bit & 7))) & 1);
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
  const into = new DataView(x.buffer, x.byteOffset, BLOCK_BYTES);
  [z0, z1, z2, z3].forEach((word, i) => into.setUint32(4 * i, word));
}

function xorInto(into: Bytes, from: Bytes): void {
  for (let i = 0; i < into.length; i++) into[i]! ^= from[i]!;
}

/** Adds `count` to the last 32 bits, modulo 2^32 (SP 800-38D §6.2). */
function increment(counter: Bytes, count: number): void {
  const view = new DataView(counter.buffer, counter.byteOffset);
  view.setUint32(12, (view.getUint32(12) + count) >>> 0);
}

/** Bits of `lengthBytes` as the 64-bit half of a length block. */
function setBits(lengths: Bytes, at: number, lengthBytes: number): void {
  const view = new DataView(lengths.buffer, lengths.byteOffset);
  view.setUint32(at, Math.floor(lengthBytes / 2 ** 29));
  view.setUint32(at + 4, (lengthBytes * 8) >>> 0);
}

/** A message of associated data; GCM does not ask how much. */
const GHASH_LENGTHS: AeadLengths = {
  ivBytes: 12,
  additionalBytes: 0,
  dataBytes: 0,
};

/** GHASH by way of GCM; see the module. */
class GHash {
  readonly #gcm: Aead;
  readonly #zeros = block();
  /** E(0^96 || 1) */
  readonly #mask = block();
  /** E(0^128), the hash key H */
  readonly #hashKey = block();
  readonly #state = block();
  /** The difference between two length blocks, then times H. */
  readonly #correction = block();
  readonly #ownLengths = block();
  #hashedBytes = 0;

  constructor(primitives: Parts, key: Uint8Array, ecb: Cipher) {
    this.#gcm = primitives.makeAead("gcm", key, true, BLOCK_BYTES);
    this.#mask[15] = 1;
    ecb.piece(this.#mask, this.#mask);
    ecb.piece(this.#hashKey, this.#hashKey);
  }

  start(): boolean {
    this.#hashedBytes = 0;
    return this.#gcm.start(this.#zeros, GHASH_LENGTHS, this.#state);
  }

  update(bytes: Bytes): boolean {
    this.#hashedBytes += bytes.length;
    return this.#gcm.absorb(bytes);
  }

  /** Completes the block under way with zeros. */
  pad(): boolean {
    const over = this.#hashedBytes % BLOCK_BYTES;
    return over === 0 ||
      this.update(this.#zeros.subarray(0, BLOCK_BYTES - over));
  }

  /** GHASH(A, C), or null; valid until the next call. */
  finish(additionalBytes: number, dataBytes: number): Bytes | null {
    if (!this.#gcm.finish(this.#state)) return null;
    const correction = this.#correction;
    setBits(correction, 0, additionalBytes);
    setBits(correction, 8, dataBytes);
    setBits(this.#ownLengths, 0, this.#hashedBytes);
    xorInto(correction, this.#ownLengths);
    multiplyInField(correction, this.#hashKey);
    xorInto(this.#state, correction);
    xorInto(this.#state, this.#mask);
    return this.#state;
  }

  close(): void {
    this.#hashKey.fill(0);
    this.#mask.fill(0);
    this.#state.fill(0);
    this.#correction.fill(0);
    this.#gcm.close();
  }
}

/** GCM over J0. */
export class GcmJ0 implements Aead {
  readonly blockBytes = 1;
  readonly whole = false;
  readonly wholeAdditionalData = false;
  readonly #encrypts: boolean;
  readonly #ecb: Cipher;
  readonly #ctr: Cipher;
  readonly #hash: GHash;
  readonly #counter = block();
  /** E(J0) */
  readonly #mask = block();
  #bytesBeforeWrap = 0;
  #additionalBytes = 0;
  #dataBytes = 0;
  #hasData = false;

  constructor(primitives: Parts, key: Uint8Array, encrypts: boolean) {
    this.#encrypts = encrypts;
    this.#ecb = primitives.makeCipher("aes-ecb", key, true);
    this.#ctr = primitives.makeCipher("aes-ctr", key, true);
    this.#hash = new GHash(primitives, key, this.#ecb);
  }

  start(iv: Bytes, { ivBytes, dataBytes }: AeadLengths): boolean {
    if (ivBytes !== BLOCK_BYTES) return false;
    this.#counter.set(iv.subarray(0, BLOCK_BYTES));
    this.#dataBytes = dataBytes;
    this.#additionalBytes = 0;
    this.#hasData = false;
    if (!this.#ecb.piece(this.#counter, this.#mask)) return false;
    increment(this.#counter, 1);
    const blocksUsed = new DataView(this.#counter.buffer).getUint32(12);
    this.#bytesBeforeWrap = (2 ** 32 - blocksUsed) * BLOCK_BYTES;
    return this.#ctr.start(this.#counter) && this.#hash.start();
  }

  readonly absorb = (bytes: Bytes): boolean => {
    this.#additionalBytes += bytes.length;
    return this.#hash.update(bytes);
  };

  piece(input: Bytes, output: Bytes): boolean {
    if (!this.#hasData && !this.#hash.pad()) return false;
    this.#hasData = true;
    return this.#encrypts
      ? this.#encipher(input, output) && this.#hash.update(output)
      : this.#hash.update(input) && this.#encipher(input, output);
  }

  /** A library counts in 128 bits, GCM in 32: it is restarted where the 32 wrap. */
  #encipher(input: Bytes, output: Bytes): boolean {
    const first = Math.min(input.length, this.#bytesBeforeWrap);
    this.#bytesBeforeWrap -= first;
    if (first === input.length) return this.#ctr.piece(input, output);
    if (
      first > 0 &&
      !this.#ctr.piece(input.subarray(0, first), output.subarray(0, first))
    ) return false;
    this.#counter.fill(0, 12);
    this.#bytesBeforeWrap = 2 ** 32 * BLOCK_BYTES - (input.length - first);
    return this.#ctr.start(this.#counter) &&
      this.#ctr.piece(input.subarray(first), output.subarray(first));
  }

  finish(tag: Bytes): boolean {
    if (!this.#hash.pad()) return false;
    const hash = this.#hash.finish(this.#additionalBytes, this.#dataBytes);
    if (hash === null) return false;
    xorInto(hash, this.#mask);
    if (this.#encrypts) {
      tag.set(hash.subarray(0, tag.length));
      return true;
    }
    let difference = 0;
    for (let i = 0; i < tag.length; i++) difference |= tag[i]! ^ hash[i]!;
    return difference === 0;
  }

  close(): void {
    this.#mask.fill(0);
    this.#counter.fill(0);
    this.#hash.close();
    this.#ctr.close();
    this.#ecb.close();
  }
}
