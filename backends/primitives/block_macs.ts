/**
 * CBC-MAC and XCBC, composed from a library's AES-CBC.
 *
 * @module
 */

import type { Bytes, Cipher, Digester, Primitives } from "./primitives.ts";

type Ciphers = Pick<Primitives, "makeCipher">;

const BLOCK_BYTES = 16;
const CHAIN_BYTES = 4096;

/** The last block of an AES-CBC encryption under a zero IV. */
class CbcChain {
  readonly #cipher: Cipher;
  readonly #zeros = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  readonly #output = new Uint8Array(new ArrayBuffer(CHAIN_BYTES));
  /** The last ciphertext block; zero before the first. */
  readonly last = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));

  constructor(ciphers: Ciphers, key: Uint8Array) {
    this.#cipher = ciphers.makeCipher("aes-cbc", key, true);
  }

  start(): boolean {
    this.last.fill(0);
    return this.#cipher.start(this.#zeros);
  }

  /** Takes whole blocks. */
  update(bytes: Bytes): boolean {
    for (let at = 0; at < bytes.length; at += CHAIN_BYTES) {
      const piece = bytes.subarray(at, at + CHAIN_BYTES);
      if (!this.#cipher.piece(piece, this.#output)) return false;
      const end = piece.length;
      this.last.set(this.#output.subarray(end - BLOCK_BYTES, end));
    }
    return true;
  }

  close(): void {
    this.last.fill(0);
    this.#output.fill(0);
    this.#cipher.close();
  }
}

/** Splits a message into whole blocks and a held-back last one. */
abstract class BlockMac implements Digester {
  protected readonly chain: CbcChain;
  /** What is held back: 1 to 16 bytes, or none of an empty message. */
  protected readonly held = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  protected heldBytes = 0;
  readonly #result: Bytes;

  constructor(ciphers: Ciphers, key: Uint8Array, resultBytes: number) {
    this.chain = new CbcChain(ciphers, key);
    this.#result = this.chain.last.subarray(0, resultBytes);
  }

  start(): boolean {
    this.heldBytes = 0;
    return this.chain.start();
  }

  readonly update = (bytes: Bytes): boolean => {
    let at = 0;
    if (this.heldBytes > 0) {
      at = Math.min(BLOCK_BYTES - this.heldBytes, bytes.length);
      this.held.set(bytes.subarray(0, at), this.heldBytes);
      this.heldBytes += at;
      if (at === bytes.length) return true;
      if (!this.chain.update(this.held)) return false;
    }
    const left = bytes.length - at;
    const kept = left === 0 ? 0 : (left - 1) % BLOCK_BYTES + 1;
    const end = bytes.length - kept;
    this.held.set(bytes.subarray(end));
    this.heldBytes = kept;
    return at === end || this.chain.update(bytes.subarray(at, end));
  };

  finish(): Bytes | null {
    return this.finishHeld() ? this.#result : null;
  }

  protected abstract finishHeld(): boolean;

  close(): void {
    this.held.fill(0);
    this.chain.close();
  }
}

/** CBC-MAC (FIPS 113's construction) over whole blocks only. */
export class CbcMac extends BlockMac {
  protected finishHeld(): boolean {
    if (this.heldBytes === 0) return true;
    return this.heldBytes === BLOCK_BYTES && this.chain.update(this.held);
  }
}

/** AES-XCBC-MAC (RFC 3566 §4); three keys are derived from the session's. */
export class XcbcMac extends BlockMac {
  readonly #wholeKey: Bytes;
  readonly #paddedKey: Bytes;

  constructor(ciphers: Ciphers, key: Uint8Array, resultBytes: number) {
    const [chainKey, wholeKey, paddedKey] = XcbcMac.#derive(ciphers, key);
    super(ciphers, chainKey, resultBytes);
    chainKey.fill(0);
    this.#wholeKey = wholeKey;
    this.#paddedKey = paddedKey;
  }

  /** K1, K2 and K3 are the encryptions of blocks of 01, 02 and 03. */
  static #derive(ciphers: Ciphers, key: Uint8Array) {
    const cipher = ciphers.makeCipher("aes-ecb", key, true);
    const derived = [1, 2, 3].map((byte) => {
      const block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES)).fill(byte);
      cipher.piece(block, block);
      return block;
    });
    cipher.close();
    return derived as [typeof derived[0], typeof derived[0], typeof derived[0]];
  }

  protected finishHeld(): boolean {
    const { held, heldBytes } = this;
    let key = this.#wholeKey;
    if (heldBytes < BLOCK_BYTES) {
      held[heldBytes] = 0x80;
      held.fill(0, heldBytes + 1);
      key = this.#paddedKey;
    }
    for (let i = 0; i < BLOCK_BYTES; i++) held[i]! ^= key[i]!;
    return this.chain.update(held);
  }

  override close(): void {
    this.#wholeKey.fill(0);
    this.#paddedKey.fill(0);
    super.close();
  }
}
