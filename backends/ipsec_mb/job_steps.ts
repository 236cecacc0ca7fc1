/**
 * Jobs of one cipher and one HMAC in two steps: the library enciphers all of them
 * by one call and hashes all of them by another, where they lie.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { HashAlgorithm } from "../../ffi/ipsec_mb_layout.ts";
import type { HashManagers } from "./hash_managers.ts";
import type { Submission } from "./job_queue.ts";
import { type JobTable, WORD } from "./job_table.ts";
import type { LoneCipher } from "./lone_jobs.ts";

// The engine folds constants of a module of its own only.
const STATUS_WORD = WORD.status;

/** What the hash bursts of every version have. */
const HASHES: ReadonlySet<number> = new Set([
  HashAlgorithm.HMAC_SHA_1,
  HashAlgorithm.HMAC_SHA_224,
  HashAlgorithm.HMAC_SHA_256,
  HashAlgorithm.HMAC_SHA_384,
  HashAlgorithm.HMAC_SHA_512,
]);

/** Whether the library hashes a burst of such jobs by one call. */
export const hashesInBursts = (algorithm: number): boolean =>
  HASHES.has(algorithm);

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
  readonly #managers: HashManagers;
  readonly #steps: Steps;
  #table: JobTable | undefined;
  #jobs: Deno.PointerObject | null = null;

  constructor(library: IpsecMb, managers: HashManagers, steps: Steps) {
    this.#library = library;
    this.#managers = managers;
    this.#steps = steps;
    this.jobBytes = library.jobBytes;
    this.longestHashBytes = managers.longestBytes;
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
    const { hot, manager } = this.#managers.choose(table, count);
    const { hash } = this.#steps;
    return hot.submit_hash_burst_nocheck(manager, this.#jobs, count, hash) ===
      count;
  }
}
