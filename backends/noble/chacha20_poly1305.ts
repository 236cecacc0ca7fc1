/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) from the library's cipher and authenticator,
 * so that a wrong tag is a value and data and tag need not be adjacent.
 *
 * `_poly1305.js` is no entry point that the library promises to keep, so that its
 * version is pinned. The public `chacha20poly1305` takes 43 microseconds instead of
 * 33 for 64 bytes, and throws for a wrong tag.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import { Poly1305 } from "npm:@noble/ciphers@2.4.0/_poly1305.js";
import { chacha20 } from "npm:@noble/ciphers@2.4.0/chacha.js";
import type { Aead } from "./aead.ts";
import { Block } from "./block_modes.ts";
import type { Scratch } from "../scratch.ts";

const ZEROS = new Uint8Array(32);

export class ChaCha20Poly1305Aead implements Aead {
  readonly #key: Uint8Array;
  readonly #oneTimeKey = new Uint8Array(32);
  readonly #lengths = new Block();

  constructor(key: Uint8Array) {
    this.#key = copyKey(key);
  }

  encrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void {
    const text = data.take(dataBytes);
    chacha20(this.#key, iv, text, text, 1);
    this.#authenticate(iv, additionalData, text, tag);
  }

  decrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void {
    const text = data.take(dataBytes);
    this.#authenticate(iv, additionalData, text, tag);
    chacha20(this.#key, iv, text, text, 1);
  }

  wipe(): void {
    this.#key.fill(0);
    this.#oneTimeKey.fill(0);
  }

  #authenticate(
    iv: Uint8Array,
    additionalData: Uint8Array,
    ciphertext: Uint8Array,
    tag: Block,
  ): void {
    chacha20(this.#key, iv, ZEROS, this.#oneTimeKey, 0);
    const authenticator = new Poly1305(this.#oneTimeKey);
    addPadded(authenticator, additionalData);
    addPadded(authenticator, ciphertext);
    const { bytes, view } = this.#lengths;
    view.setBigUint64(0, BigInt(additionalData.length), true);
    view.setBigUint64(8, BigInt(ciphertext.length), true);
    authenticator.update(bytes);
    authenticator.digestInto(tag.bytes);
    authenticator.destroy();
    this.#oneTimeKey.fill(0);
  }
}

function addPadded(authenticator: Poly1305, bytes: Uint8Array): void {
  authenticator.update(bytes);
  const lastBytes = bytes.length % 16;
  if (lastBytes > 0) authenticator.update(ZEROS.subarray(0, 16 - lastBytes));
}
