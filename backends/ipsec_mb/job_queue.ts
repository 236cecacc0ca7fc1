/**
 * Jobs that wait for each other: how those of requests are made and ended.
 *
 * @module
 */

import { MAX_BURST_SIZE, STATUS_COMPLETED } from "../../ffi/ipsec_mb_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import type { HashKernel } from "./hash_kernel.ts";
import {
  type JobOwner,
  JobPart,
  JobTable,
  SIDE_WORDS,
  WORD,
} from "./job_table.ts";

// The engine folds constants of a module of its own only.
const {
  source: SOURCE_WORD,
  destination: DESTINATION_WORD,
  tag: TAG_WORD,
  hashStart: HASH_START_WORD,
  u: ADDITIONAL_WORD,
  status: STATUS_WORD,
} = WORD;
const WORDS = BURST_WORDS;
const SESSION = BurstField.Session;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
const SHAPE = BurstField.Shape;
const ROUND = BurstField.ShapeRound;
const SOURCE = BurstField.Source + ListField.First;
const DESTINATION = BurstField.Destination + ListField.First;
const DIGEST = BurstField.Digest + ListField.First;
const ADDITIONAL = BurstField.AdditionalData + ListField.First;
const HASH_START = BurstField.HashStart;
const SKIPPED = ListField.SkippedBytes;
const TOTAL = ListField.TotalBytes;
const OFFSET = RANGE_OFFSET;
const IV = IV_WORDS;
const SIDE = SIDE_WORDS;
const HAS_IV = JobPart.Iv;
const HAS_DESTINATION = JobPart.Destination;
const HAS_ADDITIONAL = JobPart.AdditionalData;
const HASHES_RESULT = JobPart.HashOfResult;
const MOST_JOBS = MAX_BURST_SIZE;
const COMPLETED = STATUS_COMPLETED;
const OK: number = OperationStatus.Ok;
const FAILED: number = OperationStatus.Failed;
/**
 * Above every slot, job and region, and every word of the ranges; the engine knows
 * what a masked number cannot be.
 */
const MASK = 0xffff;
const BLOCK = 0x3fffffff;

/** How jobs reach the library and come back. */
export interface Submission {
  /** Bytes of a job. */
  readonly jobBytes: number;
  /** The longest message of a hash that it takes beside those of a lone job. */
  readonly longestHashBytes: number;
  /** Runs the first jobs of a table; their status words tell the result. */
  submit(table: JobTable, count: number): void;
}

/** Jobs that wait to be submitted together. */
export class JobQueue {
  readonly table: JobTable;
  readonly #submission: Submission;
  /** Of the burst whose requests wait. */
  #fields = new Int32Array(0);

  constructor(submission: Submission, slots = MAX_BURST_SIZE) {
    this.#submission = submission;
    this.table = new JobTable(submission.jobBytes, slots);
  }

  /** Whether a job of this queue hashes a message of this length. */
  takesHash(kernel: HashKernel, lengthBytes: number): boolean {
    return kernel.fitsJob(lengthBytes) ||
      (lengthBytes > 0 && lengthBytes <= this.#submission.longestHashBytes);
  }

  /** Takes a slot, after submitting what waits where there is none. */
  take(owner: JobOwner, operation: Operation): number {
    if (this.table.count === MAX_BURST_SIZE) this.flush();
    return this.table.take(owner, operation);
  }

  /**
   * Makes the next job one of a request: `owner` then writes its lengths from the
   * word on that this returns, and says so by `note`.
   */
  prepare(owner: JobOwner): number {
    if (this.table.count === MAX_BURST_SIZE) this.flush();
    return this.table.prepare(owner);
  }

  /**
   * Notes that the next job has the lengths of the request in a slot; `parts`: a
   * mask of {@linkcode JobPart}.
   */
  note({ fields }: RequestBurst, slot: number, parts: number): void {
    const { count, shapes, rounds, sessions } = this.table;
    shapes[count] = fields[WORDS * slot + SHAPE]!;
    rounds[count] = fields[WORDS * slot + ROUND]!;
    sessions[count] = fields[WORDS * slot + SESSION]!;
    this.table.parts[count] = parts;
  }

  /**
   * Makes jobs of requests, of `slots` from index `from` to `count`, as long as each
   * is like the one whose job was in its place before: what is new is where its
   * bytes are, and the IV. Returns the index of the first that is not.
   * `addresses`: those of the burst's regions.
   */
  takeAlike(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    addresses: Int32Array<ArrayBuffer>,
  ): number {
    const { table } = this;
    if (table.count === MAX_BURST_SIZE) this.flush();
    const { fields, ivs, lists } = burst;
    const { block, starts } = lists;
    const { words, sideWords, shapes, rounds, sessions } = table;
    const { parts, stride } = table;
    const jobSlots = table.slots;
    let job = table.count;
    let done = from;
    for (; done < count && job < MOST_JOBS; done = (done + 1) | 0) {
      const slot = slots[done]! & MASK;
      const at = WORDS * slot;
      const shape = shapes[job]!;
      if (
        shape === 0 || shape !== fields[at + SHAPE] ||
        rounds[job] !== fields[at + ROUND] ||
        sessions[job] !== fields[at + SESSION]
      ) break;
      const base = stride * (job & MASK);
      const part = parts[job]!;
      const start = starts[slot]!;
      const source = (start + fields[at + SOURCE]!) & BLOCK;
      const sourceRegion = 2 * (block[source]! & MASK);
      const sourceBase = addresses[sourceRegion]!;
      const low = (sourceBase + block[source + OFFSET]! +
        fields[at + SOURCE + SKIPPED]!) | 0;
      const high = (addresses[sourceRegion + 1]! +
        ((low >>> 0) < (sourceBase >>> 0) ? 1 : 0)) | 0;
      words[base + SOURCE_WORD] = low;
      words[base + SOURCE_WORD + 1] = high;
      const tag = (start + fields[at + DIGEST]!) & BLOCK;
      const tagRegion = 2 * (block[tag]! & MASK);
      const tagBase = addresses[tagRegion]!;
      const tagLow = (tagBase + block[tag + OFFSET]! +
        fields[at + DIGEST + SKIPPED]!) | 0;
      words[base + TAG_WORD] = tagLow;
      words[base + TAG_WORD + 1] = (addresses[tagRegion + 1]! +
        ((tagLow >>> 0) < (tagBase >>> 0) ? 1 : 0)) | 0;
      if ((part & HAS_DESTINATION) !== 0) {
        const result = (start + fields[at + DESTINATION]!) & BLOCK;
        const resultRegion = 2 * (block[result]! & MASK);
        const resultBase = addresses[resultRegion]!;
        const resultLow = (resultBase + block[result + OFFSET]! +
          fields[at + DESTINATION + SKIPPED]!) | 0;
        const resultHigh = (addresses[resultRegion + 1]! +
          ((resultLow >>> 0) < (resultBase >>> 0) ? 1 : 0)) | 0;
        words[base + DESTINATION_WORD] = resultLow;
        words[base + DESTINATION_WORD + 1] = resultHigh;
        if ((part & HASHES_RESULT) !== 0) {
          // The library counts from the source; what is below is carried.
          const distance = (resultLow - low) | 0;
          const borrow = (resultLow >>> 0) < (low >>> 0) ? 1 : 0;
          const hashStart = (distance + fields[at + HASH_START]!) | 0;
          const carry = (hashStart >>> 0) < (distance >>> 0) ? 1 : 0;
          words[base + HASH_START_WORD] = hashStart;
          words[base + HASH_START_WORD + 1] =
            (resultHigh - high - borrow + carry) | 0;
        }
      }
      if ((part & HAS_ADDITIONAL) !== 0) {
        const data = (start + fields[at + ADDITIONAL]!) & BLOCK;
        const dataRegion = 2 * (block[data]! & MASK);
        const dataBase = addresses[dataRegion]!;
        const dataLow = (dataBase + block[data + OFFSET]! +
          fields[at + ADDITIONAL + SKIPPED]!) | 0;
        words[base + ADDITIONAL_WORD] = dataLow;
        words[base + ADDITIONAL_WORD + 1] = (addresses[dataRegion + 1]! +
          ((dataLow >>> 0) < (dataBase >>> 0) ? 1 : 0)) | 0;
      }
      if ((part & HAS_IV) !== 0) {
        const side = SIDE * (job & MASK);
        sideWords[side] = ivs[IV * slot]!;
        sideWords[side + 1] = ivs[IV * slot + 1]!;
        sideWords[side + 2] = ivs[IV * slot + 2]!;
        sideWords[side + 3] = ivs[IV * slot + 3]!;
      }
      jobSlots[job] = slot;
      job = (job + 1) | 0;
    }
    table.count = job;
    this.#fields = fields;
    return done;
  }

  /** Runs all jobs that wait and ends their operations. */
  flush(): void {
    const { table } = this;
    const { count } = table;
    if (count === 0) return;
    this.#submission.submit(table, count);
    table.count = 0;
    for (let job = this.#endDone(count); job < count; job++) {
      const done = table.isDone(job, STATUS_COMPLETED);
      const slot = table.slots[job]!;
      if (slot >= 0) {
        this.#end(slot, done);
        continue;
      }
      const operation = table.operations[job]!;
      table.operations[job] = undefined;
      const scatterFrom = table.scatterFrom[job]!;
      table.owners[job]!.finish(operation, job, done, scatterFrom);
    }
  }

  /** Ends the requests of the first jobs, as long as they are done; how many. */
  #endDone(count: number): number {
    const fields = this.#fields;
    const { words, slots, stride } = this.table;
    let job = 0;
    for (; job < count; job = (job + 1) | 0) {
      const slot = slots[job]!;
      if (slot < 0 || words[stride * job + STATUS_WORD] !== COMPLETED) break;
      const at = WORDS * (slot & MASK);
      fields[at + STATUS] = OK;
      fields[at + WRITTEN] = fields[at + DESTINATION + TOTAL]!;
    }
    return job;
  }

  /** Ends a request of the burst. */
  #end(slot: number, done: boolean): void {
    const fields = this.#fields;
    const at = WORDS * slot;
    fields[at + STATUS] = done ? OK : FAILED;
    fields[at + WRITTEN] = done ? fields[at + DESTINATION + TOTAL]! : 0;
  }

  /** Runs one job at once, outside the operations that wait; for a table of 1. */
  runAlone(): boolean {
    this.#submission.submit(this.table, 1);
    this.table.count = 0;
    return this.table.isDone(0, STATUS_COMPLETED);
  }
}
