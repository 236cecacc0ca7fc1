/**
 * DES and Triple DES (NIST SP 800-67) over node-forge's block function; its
 * string-based modes are not used. While it expands a key, node-forge makes a
 * string of it that nobody can wipe.
 *
 * @module
 */

import forgeDes from "npm:node-forge@1.4.3/lib/des.js";
import type { BlockCipher } from "./block_cipher.ts";

type Words = [number, number];

/** What a mode of node-forge is given to work with. */
interface ForgeBlock {
  encrypt(input: Words, output: Words): void;
  decrypt(input: Words, output: Words): void;
}

interface ForgeAlgorithm {
  readonly mode: { readonly block: ForgeBlock };
  readonly _keys: number[];
  initialize(options: { key: ArrayBuffer }): void;
}

interface ForgeDes {
  readonly Algorithm: new (
    name: "DES-ECB" | "3DES-ECB",
    mode: typeof BareMode,
  ) => ForgeAlgorithm;
}

/** A mode that does nothing but give the block function away. */
class BareMode {
  readonly block: ForgeBlock;

  constructor(options: { cipher: ForgeBlock }) {
    this.block = options.cipher;
  }
}

/** Single DES with an 8-byte key, EDE Triple DES with a 24-byte key. */
export class DesBlockCipher implements BlockCipher {
  readonly blockBytes = 8;
  readonly #algorithm: ForgeAlgorithm;
  readonly #block: ForgeBlock;
  readonly #words: Words = [0, 0];

  constructor(key: Uint8Array) {
    const { Algorithm } = forgeDes as ForgeDes;
    this.#algorithm = new Algorithm(
      key.length === 8 ? "DES-ECB" : "3DES-ECB",
      BareMode,
    );
    const keyCopy = Uint8Array.from(key);
    this.#algorithm.initialize({ key: keyCopy.buffer });
    keyCopy.fill(0);
    this.#block = this.#algorithm.mode.block;
  }

  encryptBlock(data: DataView, at: number): void {
    const words = this.#words;
    words[0] = data.getInt32(at);
    words[1] = data.getInt32(at + 4);
    this.#block.encrypt(words, words);
    data.setInt32(at, words[0]);
    data.setInt32(at + 4, words[1]);
  }

  decryptBlock(data: DataView, at: number): void {
    const words = this.#words;
    words[0] = data.getInt32(at);
    words[1] = data.getInt32(at + 4);
    this.#block.decrypt(words, words);
    data.setInt32(at, words[0]);
    data.setInt32(at + 4, words[1]);
  }

  wipe(): void {
    this.#algorithm._keys.fill(0);
    this.#words.fill(0);
  }
}
