/**
 * The sessions of ciphers as numbers by session: all that a job of AES-CBC or
 * AES-CTR takes of its session, so that many sessions cost little.
 *
 * @module
 */

import type { CipherKernel } from "./ciphers.ts";

/** Words of a session. */
export const CIPHER_WORDS = 4;

/** The words of a session. */
export const enum CipherWord {
  /** Number of its class; that of none of these is 0. */
  Class = 0,
  /** How far behind the keys for encryption those for decryption are, or 0. */
  DecryptionOffset = 1,
  /** Native address of the key schedule for encryption, two words. */
  EncryptionKeys = 2,
}

/** Words of a class: of what many sessions have in common. */
export const CLASS_WORDS = 8;

/** The words of a class. */
export const enum ClassWord {
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
}

const FIRST_SESSIONS = 64;
/** More than there are queues, and two kinds of operations for each. */
const MOST_CLASSES = 64;

/** Sessions by number, and their classes. */
export class CipherRecords {
  /** All records; another array after `set`. */
  words = new Int32Array(CIPHER_WORDS * FIRST_SESSIONS);
  readonly classes = new Int32Array(CLASS_WORDS * MOST_CLASSES);
  #classCount = 1;

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
    if (!kernel || queue === 0) return;
    words[at + CipherWord.Class] = this.#classOf(kernel, kind, queue);
    const keys = kernel.template.words;
    words[at + CipherWord.EncryptionKeys] = keys[0]!;
    words[at + CipherWord.EncryptionKeys + 1] = keys[1]!;
    words[at + CipherWord.DecryptionOffset] = keys[2]! - keys[0]!;
  }

  #classOf(kernel: CipherKernel, kind: number, queue: number): number {
    const { classes } = this;
    const words = [
      queue,
      kind,
      kernel.ivBytes,
      kernel.blockBytes - 1,
      kernel.longestJobBytes,
      kernel.counts ? 1 : 0,
    ];
    for (let number = 1; number < this.#classCount; number++) {
      const at = CLASS_WORDS * number;
      if (words.every((word, i) => classes[at + i] === word)) return number;
    }
    classes.set(words, CLASS_WORDS * this.#classCount);
    return this.#classCount++;
  }
}
