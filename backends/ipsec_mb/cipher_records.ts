/**
 * The sessions of ciphers as numbers by session: all that a job of AES-CBC or
 * AES-CTR takes of its session, so that many sessions cost little.
 *
 * @module
 */

import type { CipherKernel } from "./ciphers.ts";

/** Words of a session. */
export const CIPHER_WORDS = 16;

/** The words of a session. */
export const enum CipherWord {
  /** Number of the queue that its jobs wait in, from 1; 0: it is none of these. */
  Queue = 0,
  /** The kind of its operations. */
  Kind = 1,
  IvBytes = 2,
  /** Length of a block less 1. */
  BlockMask = 3,
  LongestBytes = 4,
  /** 1 where the counter must not be carried beyond its last 32 bits. */
  Counts = 5,
  /** Native addresses of the two key schedules. */
  EncryptionKeys = 6,
  DecryptionKeys = 8,
}

const FIRST_SESSIONS = 64;

/** Sessions by number. */
export class CipherRecords {
  /** All records; another array after `set`. */
  words = new Int32Array(CIPHER_WORDS * FIRST_SESSIONS);

  /** Notes a session; without a kernel, that it has no record. */
  set(number: number, kernel?: CipherKernel, kind = 0, queue = 0): void {
    const at = CIPHER_WORDS * number;
    if (at >= this.words.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.words);
      this.words = grown;
    }
    const { words } = this;
    words.fill(0, at, at + CIPHER_WORDS);
    if (!kernel) return;
    words[at + CipherWord.Queue] = queue;
    words[at + CipherWord.Kind] = kind;
    words[at + CipherWord.IvBytes] = kernel.ivBytes;
    words[at + CipherWord.BlockMask] = kernel.blockBytes - 1;
    words[at + CipherWord.LongestBytes] = kernel.longestJobBytes;
    words[at + CipherWord.Counts] = kernel.counts ? 1 : 0;
    for (let i = 0; i < 4; i++) {
      words[at + CipherWord.EncryptionKeys + i] = kernel.template.words[i]!;
    }
  }
}
