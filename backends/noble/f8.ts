/**
 * AES in f8 mode (RFC 3711 §4.1.2).
 *
 * @module
 */

import type { Bytes } from "../primitives/primitives.ts";
import { AesBlockCipher, type BlockCipher } from "./block_cipher.ts";
import { Block, copyBlock, Mode, xorBlock, xorTail } from "./block_modes.ts";

const BLOCK_BYTES = 16;

/** Both directions of f8; the key is the AES key and then its mask. */
export class F8Mode extends Mode {
  readonly #cipher: BlockCipher;
  readonly #ivCipher: BlockCipher;
  readonly #iv = new Block();
  readonly #pad = new Block();

  constructor(key: Uint8Array) {
    super(1, true);
    const half = key.length / 2;
    const masked = key.slice(0, half);
    for (let i = 0; i < half; i++) masked[i]! ^= key[half + i]!;
    this.#cipher = new AesBlockCipher(key.subarray(0, half));
    this.#ivCipher = new AesBlockCipher(masked);
    masked.fill(0);
  }

  override start(iv: Bytes): boolean {
    this.#iv.load(iv, BLOCK_BYTES);
    this.#ivCipher.encryptBlock(this.#iv.view, 0);
    return true;
  }

  override apply(data: DataView, start: number, lengthBytes: number): void {
    const derived = this.#iv.view;
    const pad = this.#pad.view;
    copyBlock(derived, 0, pad, BLOCK_BYTES);
    const end = start + lengthBytes;
    // A request is shorter than 2^32 blocks: j fits the last word.
    for (let j = 0, at = start; at < end; j++, at += BLOCK_BYTES) {
      pad.setUint32(12, pad.getUint32(12) ^ j);
      this.#cipher.encryptBlock(pad, 0);
      if (end - at >= BLOCK_BYTES) xorBlock(data, at, pad, BLOCK_BYTES);
      else xorTail(data, at, end, this.#pad.bytes);
      xorBlock(pad, 0, derived, BLOCK_BYTES);
    }
    this.#pad.wipe();
    this.#iv.wipe();
  }

  override close(): void {
    this.#cipher.wipe();
    this.#ivCipher.wipe();
  }
}
