/**
 * How the jobs of a table reach the library and come back.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { MAX_BURST_SIZE, STATUS_COMPLETED } from "../../ffi/ipsec_mb_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { type JobOwner, JobTable, WORD } from "./job_table.ts";

/**
 * Jobs of any kind that wait to be submitted together, through the manager's own
 * queue, which is empty in between.
 */
export class JobQueue {
  readonly table: JobTable;
  readonly #library: IpsecMb;
  readonly #pointers = new Uint32Array(2 * MAX_BURST_SIZE);
  readonly #argument = new Uint8Array(this.#pointers.buffer);
  /** First word of each submitted job in the manager's memory. */
  readonly #places = new Uint32Array(MAX_BURST_SIZE);
  /** Of the burst whose requests wait. */
  #fields = new Int32Array(0);

  constructor(library: IpsecMb, slots = MAX_BURST_SIZE) {
    this.#library = library;
    this.table = new JobTable(library.jobBytes, slots);
  }

  /** Takes a slot, after submitting what waits where there is none. */
  take(owner: JobOwner, operation: Operation): number {
    if (this.table.count === MAX_BURST_SIZE) this.flush();
    return this.table.take(owner, operation);
  }

  /**
   * Takes a slot for a request of `burst`, which ends with its job: the job writes
   * the tag where it belongs.
   */
  takeRequest(owner: JobOwner, burst: RequestBurst, slot: number): number {
    if (this.table.count === MAX_BURST_SIZE) this.flush();
    const job = this.table.takeBare(owner);
    this.table.slots[job] = slot;
    this.#fields = burst.fields;
    return job;
  }

  /** Runs all jobs that wait and ends their operations. */
  flush(): void {
    const { table } = this;
    const { count } = table;
    if (count === 0) return;
    this.#submit();
    table.count = 0;
    for (let slot = 0; slot < count; slot++) {
      const request = table.slots[slot]!;
      if (request >= 0) {
        this.#end(request, table.isDone(slot, STATUS_COMPLETED));
        continue;
      }
      const operation = table.operations[slot]!;
      table.operations[slot] = undefined;
      table.owners[slot]!.finish(
        operation,
        slot,
        table.isDone(slot, STATUS_COMPLETED),
        table.scatterFrom[slot]!,
      );
    }
  }

  /** Ends a request of the burst. */
  #end(slot: number, done: boolean): void {
    const fields = this.#fields;
    const at = BURST_WORDS * slot;
    fields[at + BurstField.Status] = done
      ? OperationStatus.Ok
      : OperationStatus.Failed;
    fields[at + BurstField.WrittenBytes] = done
      ? fields[at + BurstField.Destination + ListField.TotalBytes]!
      : 0;
  }

  /** Runs one job at once, outside the operations that wait; for a table of 1. */
  runAlone(): boolean {
    this.#submit();
    this.table.count = 0;
    return this.table.isDone(0, STATUS_COMPLETED);
  }

  /** Runs all jobs that wait; their status words tell the result. */
  #submit(): void {
    const { count } = this.table;
    if (this.#burst(0, count)) return;
    // One that is refused holds up the others: each on its own.
    for (let slot = 0; slot < count; slot++) this.#burst(slot, 1);
  }

  /** Runs jobs; false where the library took none of them. */
  #burst(first: number, count: number): boolean {
    const { hot, manager } = this.#library;
    const pointers = this.#argument;
    hot.get_next_burst(manager, count, pointers);
    this.#copyIn(first, count);
    let done = hot.submit_burst(manager, count, pointers);
    const accepted = done > 0 ||
      this.#library.errorNumber === 0;
    while (accepted && done < count) {
      const flushed = hot.flush_burst(manager, count - done, pointers);
      if (flushed === 0) break;
      done += flushed;
    }
    this.#copyStatus(first, count);
    return accepted;
  }

  #copyIn(first: number, count: number): void {
    const { stride, words } = this.table;
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

  #copyStatus(first: number, count: number): void {
    const { stride, words } = this.table;
    const { managerWords } = this.#library;
    for (let i = 0; i < count; i++) {
      words[(first + i) * stride + WORD.status] =
        managerWords[this.#places[i]! + WORD.status]!;
    }
  }
}
