/**
 * Chains that are longer than a job may be: the pieces of their ciphers go on side
 * by side with those of the burst's other messages, and the hashes are jobs of
 * their own, before or behind that.
 *
 * @module
 */

import type { Operation } from "../backend.ts";
import type { Finisher } from "./cipher_queue.ts";
import type { CipherKernel } from "./ciphers.ts";
import type { HashKernel } from "./hash_kernel.ts";
import { type JobOwner, type JobTemplate, putLong, WORD } from "./job_table.ts";
import type { JobQueue } from "./job_queue.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, writeStart } from "./session.ts";

/** Where a chain works: all of it, contiguous where it is read and written. */
export interface ChainPlace {
  /** The same memory as bytes and as native addresses. */
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Where in bounce memory the output waits to be scattered, or -1. */
  readonly scatterFrom: number;
}

/** The long chains of a session; as the owner of jobs, of those of their hashes. */
export class LongChains implements JobOwner {
  readonly template: JobTemplate;
  readonly #runner: JobRunner;
  readonly #cipher: CipherKernel;
  readonly #hash: HashKernel;
  readonly #hashesFirst: boolean;
  readonly #resultBytes: number;
  readonly #places = new Map<Operation, ChainPlace>();
  readonly #enciphered: Finisher = {
    finish: (operation, _job, done) => {
      if (!done) this.#end(operation, false);
      else if (this.#hashesFirst) this.#end(operation, true);
      else this.#startHash(operation);
    },
  };

  constructor(
    runner: JobRunner,
    cipher: CipherKernel,
    hash: HashKernel,
    hashesFirst: boolean,
    resultBytes: number,
  ) {
    this.template = hash.template;
    this.#runner = runner;
    this.#cipher = cipher;
    this.#hash = hash;
    this.#hashesFirst = hashesFirst;
    this.#resultBytes = resultBytes;
  }

  /** Where the jobs of the hashes wait. */
  get #jobs(): JobQueue {
    return this.#runner.queueOf(this.#hash);
  }

  /** Whether a chain of such parts, both of bytes, can be one of these. */
  takes(cipherBytes: number, hashBytes: number): boolean {
    return this.#cipher.isChained &&
      this.#runner.cipherQueueOf(this.#cipher) > 0 &&
      this.#hash.ivBytes === 0 && this.#hash.lengthUnit === 1 &&
      cipherBytes > 0 && this.#jobs.takesHash(this.#hash, hashBytes) &&
      this.#hash.staysInside(hashBytes);
  }

  start(operation: Operation, place: ChainPlace): void {
    this.#places.set(operation, place);
    if (this.#hashesFirst) this.#startHash(operation);
    else this.#startCipher(operation);
  }

  #startCipher(operation: Operation): void {
    const { input, output, from, to, scatterFrom } = this.#places.get(
      operation,
    )!;
    const { cipherStart, cipherBytes } = operation;
    const end = cipherStart + cipherBytes;
    const runner = this.#runner;
    runner.longCiphers.add({
      owner: this.#enciphered,
      queue: runner.cipherQueues[runner.cipherQueueOf(this.#cipher) - 1]!,
      kernel: this.#cipher,
      operation,
      input: input.subarray(cipherStart, end),
      output: output.subarray(cipherStart, end),
      from: from + cipherStart,
      to: to + cipherStart,
      scatterFrom,
    });
  }

  #startHash(operation: Operation): void {
    const { from, to } = this.#places.get(operation)!;
    const jobs = this.#jobs;
    const slot = jobs.take(this, operation);
    const { stride, words } = jobs.table;
    const base = stride * slot;
    const start = (this.#hashesFirst ? from : to) + operation.hashStart;
    putLong(words, base + WORD.source, start);
    putLong(words, base + WORD.hashLength, operation.hashBytes);
  }

  /** The hash of a chain is done. */
  finish(operation: Operation, slot: number, done: boolean): void {
    if (!done) return this.#end(operation, false);
    const tag = this.#jobs.table.tags[slot]!;
    writeStart(operation.digest, tag, this.#resultBytes);
    if (this.#hashesFirst) this.#startCipher(operation);
    else this.#end(operation, true);
  }

  #end(operation: Operation, done: boolean): void {
    const { output, scatterFrom } = this.#places.get(operation)!;
    this.#places.delete(operation);
    if (!done) return fail(operation);
    if (scatterFrom >= 0) operation.destination.write(0, output);
    complete(operation, output.length);
  }
}
