/**
 * Stream ciphers composed from a library's block ciphers.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import type { Bytes, Cipher, Primitives } from "./primitives.ts";

type Ciphers = Pick<Primitives, "makeCipher">;

const KEYSTREAM_BYTES = 512;

/** A stream cipher whose key stream comes from a block cipher. */
abstract class KeystreamCipher implements Cipher {
  readonly blockBytes = 1;
  readonly minimumBytes = 1;
  readonly whole = false;
  readonly #stream = new Uint8Array(new ArrayBuffer(KEYSTREAM_BYTES));
  #used = KEYSTREAM_BYTES;

  /** Prepares the first `refill` of a message. */
  protected abstract restart(iv: Bytes): boolean;
  /** Replaces all of `stream` with the key stream's next bytes. */
  protected abstract refill(stream: Bytes): boolean;
  protected abstract closeBlockCipher(): void;

  start(iv: Bytes): boolean {
    this.#used = KEYSTREAM_BYTES;
    return this.restart(iv);
  }

  piece(input: Uint8Array, output: Uint8Array): boolean {
    const stream = this.#stream;
    let used = this.#used;
    for (let i = 0; i < input.length; i++) {
      if (used === KEYSTREAM_BYTES) {
        if (!this.refill(stream)) return false;
        used = 0;
      }
      output[i] = input[i]! ^ stream[used++]!;
    }
    this.#used = used;
    return true;
  }

  close(): void {
    this.#stream.fill(0);
    this.closeBlockCipher();
  }
}

/** 3DES in counter mode (NIST SP 800-38A §6.5), a 64-bit big-endian counter. */
export class TripleDesCtr extends KeystreamCipher {
  readonly #block: Cipher;
  readonly #counter = new DataView(new ArrayBuffer(8));

  constructor(ciphers: Ciphers, key: Uint8Array) {
    super();
    this.#block = ciphers.makeCipher("3des-ecb", key, true);
  }

  protected restart(iv: Bytes): boolean {
    for (let i = 0; i < 8; i++) this.#counter.setUint8(i, iv[i]!);
    return true;
  }

  protected refill(stream: Bytes): boolean {
    const words = new DataView(stream.buffer);
    let high = this.#counter.getUint32(0);
    let low = this.#counter.getUint32(4);
    for (let at = 0; at < stream.length; at += 8) {
      words.setUint32(at, high);
      words.setUint32(at + 4, low);
      low = (low + 1) >>> 0;
      if (low === 0) high = (high + 1) >>> 0;
    }
    this.#counter.setUint32(0, high);
    this.#counter.setUint32(4, low);
    return this.#block.piece(stream, stream);
  }

  protected closeBlockCipher(): void {
    this.#block.close();
  }
}

/**
 * AES in f8 mode (RFC 3711 §4.1.2). The key stream S(j) = E(IV' ^ j ^ S(j-1)) is
 * the CBC encryption, under a zero IV, of the blocks IV' ^ j.
 */
export class AesF8 extends KeystreamCipher {
  readonly #maskedBlock: Cipher;
  readonly #chain: Cipher;
  readonly #zeros = new Uint8Array(new ArrayBuffer(16));
  readonly #innerIv = new Uint8Array(new ArrayBuffer(16));
  #counter = 0;

  constructor(ciphers: Ciphers, keyAndMask: Uint8Array) {
    super();
    const keyBytes = keyAndMask.length / 2;
    const key = keyAndMask.subarray(0, keyBytes);
    const masked = copyKey(key);
    for (let i = 0; i < keyBytes; i++) masked[i]! ^= keyAndMask[keyBytes + i]!;
    this.#maskedBlock = ciphers.makeCipher("aes-ecb", masked, true);
    masked.fill(0);
    this.#chain = ciphers.makeCipher("aes-cbc", key, true);
  }

  protected restart(iv: Bytes): boolean {
    this.#counter = 0;
    this.#innerIv.set(iv.subarray(0, 16));
    return this.#maskedBlock.piece(this.#innerIv, this.#innerIv) &&
      this.#chain.start(this.#zeros);
  }

  protected refill(stream: Bytes): boolean {
    const words = new DataView(stream.buffer);
    const innerIv = new DataView(this.#innerIv.buffer);
    for (let at = 0; at < stream.length; at += 16) {
      stream.set(this.#innerIv, at);
      words.setUint32(at + 12, innerIv.getUint32(12) ^ this.#counter++);
    }
    return this.#chain.piece(stream, stream);
  }

  protected closeBlockCipher(): void {
    this.#innerIv.fill(0);
    this.#maskedBlock.close();
    this.#chain.close();
  }
}
