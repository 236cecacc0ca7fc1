/**
 * Jobs of any kind, through the manager's own queue, which is empty in between.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { MAX_BURST_SIZE } from "../../ffi/ipsec_mb_layout.ts";
import type { HashManagers } from "./hash_managers.ts";
import type { Submission } from "./job_queue.ts";
import { type JobTable, WORD } from "./job_table.ts";

/** Copies jobs into the manager's queue, and their states back. */
export class ManagerRing implements Submission {
  readonly jobBytes: number;
  readonly longestHashBytes: number;
  #library: IpsecMb;
  /** Whose managers may run the jobs, if these are all of one hash. */
  readonly #managers: HashManagers | undefined;
  readonly #pointers = new Uint32Array(2 * MAX_BURST_SIZE);
  readonly #argument = new Uint8Array(this.#pointers.buffer);
  /** First word of each submitted job in the manager's memory. */
  readonly #places = new Uint32Array(MAX_BURST_SIZE);

  /** `managers` of a hash: all jobs are of that, and need no check. */
  constructor(library: IpsecMb, managers?: HashManagers) {
    this.#library = library;
    this.#managers = managers;
    this.jobBytes = library.jobBytes;
    this.longestHashBytes = managers?.longestBytes ?? 0;
  }

  submit(table: JobTable, count: number): void {
    if (this.#managers) this.#library = this.#managers.choose(table, count);
    if (this.#burst(table, 0, count)) return;
    // One that is refused holds up the others: each on its own.
    for (let slot = 0; slot < count; slot++) this.#burst(table, slot, 1);
  }

  /** Runs jobs; false where the library took none of them. */
  #burst(table: JobTable, first: number, count: number): boolean {
    const { hot, manager } = this.#library;
    const pointers = this.#argument;
    hot.get_next_burst(manager, count, pointers);
    this.#copyIn(table, first, count);
    let done = this.#managers
      ? hot.submit_burst_nocheck(manager, count, pointers)
      : hot.submit_burst(manager, count, pointers);
    const accepted = done > 0 ||
      this.#library.errorNumber === 0;
    while (accepted && done < count) {
      const flushed = hot.flush_burst(manager, count - done, pointers);
      if (flushed === 0) break;
      done += flushed;
    }
    this.#copyStatus(table, first, count);
    return accepted;
  }

  #copyIn(table: JobTable, first: number, count: number): void {
    const { stride, words } = table;
    const { managerWords, managerAddress } = this.#library;
    for (let i = 0; i < count; i++) {
      const address = this.#pointers[2 * i]! +
        this.#pointers[2 * i + 1]! * 2 ** 32;
      this.#places[i] = (address - managerAddress) / 4;
    }
    // The queue is a ring, but an empty one starts at its beginning.
    const start = this.#places[0]!;
    if (this.#places[count - 1] === start + (count - 1) * stride) {
      managerWords.set(
        words.subarray(first * stride, (first + count) * stride),
        start,
      );
      return;
    }
    for (let i = 0; i < count; i++) {
      const from = (first + i) * stride;
      managerWords.set(words.subarray(from, from + stride), this.#places[i]!);
    }
  }

  #copyStatus(table: JobTable, first: number, count: number): void {
    const { stride, words } = table;
    const { managerWords } = this.#library;
    for (let i = 0; i < count; i++) {
      words[(first + i) * stride + WORD.status] =
        managerWords[this.#places[i]! + WORD.status]!;
    }
  }
}
