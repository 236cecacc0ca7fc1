/**
 * XTS-AES with ciphertext stealing (IEEE 1619-2018 §5.3 and §5.4).
 *
 * @module
 */

import type { Bytes } from "../primitives/primitives.ts";
import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import { Block, copyBlock, Mode, xorBlock } from "./block_modes.ts";

const BLOCK_BYTES = 16;

/** Multiplies a tweak by α in GF(2^128) (IEEE 1619 §5.2). */
function multiplyByAlpha(tweak: DataView): void {
  let carry = tweak.getUint32(12, true) >>> 31 === 1 ? 0x87 : 0;
  for (let at = 0; at < BLOCK_BYTES; at += 4) {
    const word = tweak.getUint32(at, true);
    tweak.setUint32(at, (word << 1) ^ carry, true);
    carry = word >>> 31;
  }
}

/** One direction of XTS under a key that is two AES keys. */
export class XtsMode extends Mode {
  override readonly minimumBytes = BLOCK_BYTES;
  readonly #cipher: BlockCipher;
  readonly #tweakCipher: BlockCipher;
  readonly #decrypts: boolean;
  readonly #tweak = new Block();
  readonly #lastTweak = new Block();

  constructor(key: Uint8Array, decrypts: boolean) {
    super(1, true);
    const half = key.length / 2;
    this.#cipher = new AesBlockCipher(key.subarray(0, half));
    this.#tweakCipher = new AesBlockCipher(key.subarray(half));
    this.#decrypts = decrypts;
  }

  override start(iv: Bytes): boolean {
    this.#tweak.load(iv, BLOCK_BYTES);
    this.#tweakCipher.encryptBlock(this.#tweak.view, 0);
    return true;
  }

  override apply(data: DataView, start: number, lengthBytes: number): void {
    const tweak = this.#tweak.view;
    const stolenBytes = lengthBytes % BLOCK_BYTES;
    let wholeEnd = start + lengthBytes - stolenBytes;
    if (stolenBytes !== 0) wholeEnd -= BLOCK_BYTES;
    for (let at = start; at < wholeEnd; at += BLOCK_BYTES) {
      this.#applyToBlock(data, at, tweak);
      multiplyByAlpha(tweak);
    }
    if (stolenBytes !== 0) this.#steal(data, wholeEnd, stolenBytes);
  }

  override close(): void {
    this.#cipher.wipe();
    this.#tweakCipher.wipe();
    this.#tweak.wipe();
    this.#lastTweak.wipe();
  }

  #applyToBlock(data: DataView, at: number, tweak: DataView): void {
    xorBlock(data, at, tweak, BLOCK_BYTES);
    if (this.#decrypts) this.#cipher.decryptBlock(data, at);
    else this.#cipher.encryptBlock(data, at);
    xorBlock(data, at, tweak, BLOCK_BYTES);
  }

  /**
   * The last whole block, at `at`, and the `stolenBytes` bytes behind it. The
   * two directions differ in which of the last two tweaks comes first.
   */
  #steal(data: DataView, at: number, stolenBytes: number): void {
    const tweak = this.#tweak.view;
    const last = this.#lastTweak.view;
    copyBlock(tweak, 0, last, BLOCK_BYTES);
    multiplyByAlpha(last);
    this.#applyToBlock(data, at, this.#decrypts ? last : tweak);
    for (let i = 0; i < stolenBytes; i++) {
      const byte = data.getUint8(at + i);
      data.setUint8(at + i, data.getUint8(at + BLOCK_BYTES + i));
      data.setUint8(at + BLOCK_BYTES + i, byte);
    }
    this.#applyToBlock(data, at, this.#decrypts ? tweak : last);
  }
}
