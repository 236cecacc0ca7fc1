/**
 * Keyed block ciphers that work in place on private memory: the ground on which
 * this backend composes every mode of operation.
 *
 * @module
 */

import { unsafe } from "npm:@noble/ciphers@2.4.0/aes.js";

const { decrypt, encrypt, expandKeyDecLE, expandKeyLE } = unsafe;

/** A block cipher with its expanded key. */
export interface BlockCipher {
  readonly blockBytes: 8 | 16;
  /** Enciphers the block at byte `at` of `data` in place. */
  encryptBlock(data: DataView, at: number): void;
  decryptBlock(data: DataView, at: number): void;
  /** Overwrites the expanded key; the cipher is useless afterwards. */
  wipe(): void;
}

/** AES (FIPS 197) over the library's T-table rounds. */
export class AesBlockCipher implements BlockCipher {
  readonly blockBytes = 16;
  readonly #encryptKey: Uint32Array;
  readonly #decryptKey: Uint32Array;

  constructor(key: Uint8Array) {
    this.#encryptKey = expandKeyLE(key);
    this.#decryptKey = expandKeyDecLE(key);
  }

  encryptBlock(data: DataView, at: number): void {
    const { s0, s1, s2, s3 } = encrypt(
      this.#encryptKey,
      data.getUint32(at, true),
      data.getUint32(at + 4, true),
      data.getUint32(at + 8, true),
      data.getUint32(at + 12, true),
    );
    data.setUint32(at, s0, true);
    data.setUint32(at + 4, s1, true);
    data.setUint32(at + 8, s2, true);
    data.setUint32(at + 12, s3, true);
  }

  decryptBlock(data: DataView, at: number): void {
    const { s0, s1, s2, s3 } = decrypt(
      this.#decryptKey,
      data.getUint32(at, true),
      data.getUint32(at + 4, true),
      data.getUint32(at + 8, true),
      data.getUint32(at + 12, true),
    );
    data.setUint32(at, s0, true);
    data.setUint32(at + 4, s1, true);
    data.setUint32(at + 8, s2, true);
    data.setUint32(at + 12, s3, true);
  }

  wipe(): void {
    this.#encryptKey.fill(0);
    this.#decryptKey.fill(0);
  }
}
