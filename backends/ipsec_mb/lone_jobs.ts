/**
 * Single jobs that are run at once, over bounce memory: what a cipher or a hash
 * asks of its thread where no waiting job does a message.
 *
 * @module
 */

import type { JobOwner } from "./job_table.ts";

/** What a job of a cipher only has to know of it. */
export interface LoneCipher extends JobOwner {
  readonly mode: number;
  readonly direction: number;
  readonly keyBytes: number;
  readonly ivBytes: number;
  /** 8 where the structure counts bits. */
  readonly lengthUnit: number;
}

/** What a job of a hash only has to know of it. */
export interface LoneHash extends JobOwner {
  readonly ivBytes: number;
  /** 8 where the structure counts bits. */
  readonly lengthUnit: number;
}

export interface LoneJobs {
  /** Bounce memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Runs a cipher in place over one job's worth of bounce memory. */
  cipherAlone(
    cipher: LoneCipher,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): boolean;
  /** The digest of one job's worth of bounce memory, or `undefined`. */
  hashAlone(
    hash: LoneHash,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): Uint8Array<ArrayBuffer> | undefined;
}
