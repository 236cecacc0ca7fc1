/**
 * What the AEAD algorithms have in common here.
 *
 * @module
 */

import type { Block } from "./block_modes.ts";
import type { Scratch } from "../scratch.ts";

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
