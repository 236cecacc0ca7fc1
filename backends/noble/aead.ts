/**
 * What the AEAD algorithms have in common here, and how sessions get them.
 *
 * @module
 */

import type { Block } from "./block_modes.ts";
import { CcmAead } from "./ccm.ts";
import { ChaCha20Poly1305Aead } from "./chacha20_poly1305.ts";
import { GcmAead } from "./gcm.ts";
import type { Scratch } from "./scratch.ts";

/**
 * An authenticated cipher that works in place on private memory. Its callers have
 * checked the lengths of vector and data.
 */
export interface Aead {
  /** Enciphers the first `dataBytes` of `data` and sets `tag`. */
  encrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void;
  /** Deciphers, and sets `tag` to what it must be for this ciphertext. */
  decrypt(
    iv: Uint8Array,
    additionalData: Uint8Array,
    data: Scratch,
    dataBytes: number,
    tag: Block,
  ): void;
  wipe(): void;
}

/** The AEAD with the catalogue's name. */
export function makeAead(
  name: string,
  key: Uint8Array,
  tagBytes: number,
): Aead {
  switch (name) {
    case "gcm":
      return new GcmAead(key);
    case "ccm":
      return new CcmAead(key, tagBytes);
    case "chacha20-poly1305":
      return new ChaCha20Poly1305Aead(key);
    default:
      throw new Error(`Cannot make AEAD "${name}"`);
  }
}
