/**
 * Jobs of one cipher and one HMAC in two steps: the library enciphers all of them
 * by one call and hashes all of them by another, where they lie.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { HashAlgorithm } from "../../ffi/ipsec_mb_layout.ts";
import { LANE_BYTES } from "./ciphers.ts";
import type { Submission } from "./job_queue.ts";
import { type JobTable, WORD } from "./job_table.ts";
import type { LoneCipher } from "./lone_jobs.ts";

// The engine folds constants of a module of its own only.
const LENGTH_WORD = WORD.hashLength;
const STATUS_WORD = WORD.status;
const { HMAC_SHA_1, HMAC_SHA_224, HMAC_SHA_256 } = HashAlgorithm;

/** What the hash bursts of every version have. */
const HASHES: ReadonlySet<number> = new Set([
  HMAC_SHA_1,
  HMAC_SHA_224,
  HMAC_SHA_256,
  HashAlgorithm.HMAC_SHA_384,
  HashAlgorithm.HMAC_SHA_512,
]);
/** What processors have instructions for. */
const BY_INSTRUCTIONS: ReadonlySet<number> = new Set([
  HMAC_SHA_1,
  HMAC_SHA_224,
  HMAC_SHA_256,
]);

/** Whether the library hashes a burst of such jobs by one call. */
export const hashesInBursts = (algorithm: number | undefined): boolean =>
  algorithm !== undefined && HASHES.has(algorithm);

/**
 * The lanes count blocks, with 15 bits and their sign; only the library's own check
 * keeps messages of more than {@linkcode LANE_BYTES} out. Tried with AVX2 and
 * with the instructions for SHA.
 */
const LONGEST_BYTES = 64 * (2 ** 15 - 2);
/** From here on eight lanes of AVX2 are faster at SHA-1 than the instructions. */
const WIDE_JOBS = 8;
const WIDE_BYTES = 1024;

/** What all jobs of a queue have in common. */
export interface Steps {
  readonly cipher:
    | Pick<LoneCipher, "mode" | "direction" | "keyBytes">
    | undefined;
  readonly hash: number;
  readonly hashesFirst: boolean;
}

/** Runs jobs by a burst of a cipher and one of a hash, which check nothing. */
export class JobSteps implements Submission {
  readonly jobBytes: number;
  readonly longestHashBytes: number;
  readonly #library: IpsecMb;
  /** That with a manager that uses instructions for the hash, if there is one. */
  readonly #shaLibrary: IpsecMb | undefined;
  readonly #steps: Steps;
  #table: JobTable | undefined;
  #jobs: Deno.PointerObject | null = null;

  constructor(library: IpsecMb, shaLibrary: IpsecMb | undefined, steps: Steps) {
    this.#library = library;
    this.#shaLibrary = BY_INSTRUCTIONS.has(steps.hash) ? shaLibrary : undefined;
    this.#steps = steps;
    this.jobBytes = library.jobBytes;
    this.longestHashBytes = this.#shaLibrary || library.isOfAvx2
      ? LONGEST_BYTES
      : 0;
  }

  submit(table: JobTable, count: number): void {
    if (table !== this.#table) {
      this.#table = table;
      this.#jobs = Deno.UnsafePointer.of(table.jobs.bytes);
    }
    const isDone = this.#steps.hashesFirst
      ? this.#hash(table, count) && this.#encipher(count)
      : this.#encipher(count) && this.#hash(table, count);
    if (isDone) return;
    const { words, stride } = table;
    for (let job = 0; job < count; job++) words[stride * job + STATUS_WORD] = 0;
  }

  #encipher(count: number): boolean {
    const { cipher } = this.#steps;
    if (cipher === undefined) return true;
    const { hot, manager } = this.#library;
    return hot.submit_cipher_burst_nocheck(
      manager,
      this.#jobs,
      count,
      cipher.mode,
      cipher.direction,
      cipher.keyBytes,
    ) === count;
  }

  #hash(table: JobTable, count: number): boolean {
    const { hot, manager } = this.#hasher(table, count);
    const { hash } = this.#steps;
    return hot.submit_hash_burst_nocheck(manager, this.#jobs, count, hash) ===
      count;
  }

  /** Whose manager is the faster one for these messages, and takes them. */
  #hasher({ words, stride }: JobTable, count: number): IpsecMb {
    const library = this.#library;
    const shaLibrary = this.#shaLibrary;
    if (shaLibrary === undefined) return library;
    let sumBytes = 0;
    let longestBytes = 0;
    for (let job = 0; job < count; job = (job + 1) | 0) {
      const lengthBytes = words[stride * job + LENGTH_WORD]!;
      sumBytes += lengthBytes;
      if (lengthBytes > longestBytes) longestBytes = lengthBytes;
    }
    if (longestBytes > LANE_BYTES) return shaLibrary;
    if (!library.isOfAvx2) return library;
    return this.#steps.hash === HMAC_SHA_1 && count >= WIDE_JOBS &&
        sumBytes >= WIDE_BYTES * count
      ? library
      : shaLibrary;
  }
}
