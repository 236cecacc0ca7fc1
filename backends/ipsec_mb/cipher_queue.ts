/**
 * AES-CBC and AES-CTR of one direction and key length: jobs with different keys,
 * done by one synchronous call. What a job takes of its request and its session
 * is read from numbers and written to the job, so that a request costs no object.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { MAX_BURST_SIZE, STATUS_COMPLETED } from "../../ffi/ipsec_mb_layout.ts";
import { RANGE_OFFSET } from "../../memory/range_lists.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import {
  CIPHER_WORDS,
  type CipherRecords,
  CipherWord,
  CLASS_WORDS,
  ClassWord,
} from "./cipher_records.ts";
import { type JobOwner, putLong, WORD } from "./job_table.ts";
import type { LoneCipher } from "./lone_jobs.ts";
import { ivsAddress, NativeBlock } from "./native_memory.ts";

// The engine folds constants of a module of its own only.
const {
  source: SOURCE_WORD,
  destination: DESTINATION_WORD,
  cipherLength: LENGTH_WORD,
  status: STATUS_WORD,
} = WORD;
const IV_WORD = WORD.iv;
const KEY_WORDS = 4;
const MOST_JOBS = MAX_BURST_SIZE;
const COMPLETED = STATUS_COMPLETED;
const WORDS = BURST_WORDS;
const KIND = BurstField.Kind;
const SESSION = BurstField.Session;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
const IV_BYTES = BurstField.IvBytes;
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;
const IV = IV_WORDS;
const RECORD = CIPHER_WORDS;
const RECORD_CLASS = CipherWord.Class;
const CLASS = CLASS_WORDS;
const CLASS_QUEUE = ClassWord.Queue;
const CLASS_KIND = ClassWord.Kind;
const CLASS_IV_BYTES = ClassWord.IvBytes;
const CLASS_MASK = ClassWord.BlockMask;
const CLASS_LONGEST = ClassWord.LongestBytes;
const CLASS_COUNTS = ClassWord.Counts;
const RECORD_OFFSET = CipherWord.DecryptionOffset;
const RECORD_KEYS = CipherWord.EncryptionKeys;
const OFFSET = RANGE_OFFSET;
const TWO_TO_32 = 2 ** 32;
/**
 * Above every slot, job and region, every session, and every word of the ranges;
 * the engine knows what a masked number cannot be.
 */
const MASK = 0xffff;
const SESSIONS = 0xffffff;
const BLOCK = 0x3fffffff;
const OK: number = OperationStatus.Ok;
const FAILED: number = OperationStatus.Failed;

/** Who hears that a job of an operation is done. */
export type Finisher = Pick<JobOwner, "finish">;

/** Jobs that wait to be submitted together. */
export class CipherQueue {
  readonly #library: IpsecMb;
  readonly #mode: number;
  readonly #direction: number;
  readonly #keyBytes: number;
  /** The jobs, and one more that is run alone. */
  readonly jobs: NativeBlock;
  readonly #pointer: Deno.PointerObject;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #ivBlock: NativeBlock;
  readonly #ivs: Int32Array<ArrayBuffer>;
  readonly #stride: number;
  #count = 0;
  /** Whose request a job is: a slot of the burst, … */
  readonly #slots = new Int32Array(MOST_JOBS);
  /** The record that a job's keys are of, or -1. */
  readonly #records = new Int32Array(MOST_JOBS + 1).fill(-1);
  /** The slot in whose IV a job's is, or -1: it is the queue's own copy. */
  readonly #ivSlots = new Int32Array(MOST_JOBS + 1).fill(-1);
  #burstIvs = new Uint32Array(0);
  #burstIvAddress = 0;
  #fields = new Int32Array(0);
  /** … or, where that is -1, an operation, whose output may be elsewhere. */
  readonly #operations: (Operation | undefined)[] = [];
  readonly #owners: (Finisher | undefined)[] = [];
  readonly #scatterFrom = new Int32Array(MOST_JOBS);

  constructor(library: IpsecMb, kernel: LoneCipher) {
    const jobs = MOST_JOBS + 1;
    this.#library = library;
    this.#mode = kernel.mode;
    this.#direction = kernel.direction;
    this.#keyBytes = kernel.keyBytes;
    this.#stride = library.jobBytes / 4;
    this.jobs = new NativeBlock(jobs * library.jobBytes);
    this.#words = new Int32Array(
      this.jobs.bytes.buffer,
      this.jobs.bytes.byteOffset,
      jobs * this.#stride,
    );
    this.#pointer = Deno.UnsafePointer.of(this.jobs.bytes)!;
    this.#ivBlock = new NativeBlock(4 * IV_WORDS * jobs);
    this.#ivs = new Int32Array(
      this.#ivBlock.bytes.buffer,
      this.#ivBlock.bytes.byteOffset,
      IV_WORDS * jobs,
    );
    for (let job = 0; job < jobs; job++) this.#prepare(job, kernel);
  }

  #prepare(job: number, { template }: LoneCipher): void {
    const base = job * this.#stride;
    this.#words.set(template.words, base);
    this.#words.fill(0, base, base + KEY_WORDS);
    this.#useOwnIv(job);
  }

  /** The IV of a job is the queue's own copy. */
  #useOwnIv(job: number): void {
    const iv = this.#ivBlock.address + 4 * IV_WORDS * job;
    putLong(this.jobs.words, this.#stride * job + IV_WORD, iv);
    this.#ivSlots[job] = -1;
  }

  /**
   * Makes jobs of requests, of `slots` from index `from` to `count`, whose source
   * and destination are one range each and which one job does; returns the index
   * of the first that is none of these, and is left to the careful way.
   * `addresses`: those of the burst's regions; `number`:
   * that of this queue.
   */
  take(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    addresses: Int32Array<ArrayBuffer>,
    sessions: CipherRecords,
    number: number,
  ): number {
    const { fields, ivs, lists } = burst;
    const { words: records, classes } = sessions;
    const { block, starts } = lists;
    if (this.#count === MOST_JOBS) this.flush();
    if (ivs !== this.#burstIvs) this.#useIvs(ivs);
    this.#fields = fields;
    const ivAddress = this.#burstIvAddress;
    const words = this.#words;
    const stride = this.#stride;
    const jobSlots = this.#slots;
    const jobIvSlots = this.#ivSlots;
    const jobRecords = this.#records;
    const free = MOST_JOBS - this.#count;
    let job = this.#count;
    let done = from;
    for (; done < count && done - from < free; done = (done + 1) | 0) {
      const slot = slots[done]! & MASK;
      const at = WORDS * slot;
      const record = RECORD * (fields[at + SESSION]! & SESSIONS);
      const which = CLASS * (records[record + RECORD_CLASS]! & MASK);
      const lengthBytes = fields[at + SOURCE + TOTAL]!;
      if (
        classes[which + CLASS_QUEUE] !== number ||
        fields[at + KIND] !== classes[which + CLASS_KIND] ||
        fields[at + IV_BYTES]! < classes[which + CLASS_IV_BYTES]! ||
        fields[at + SOURCE + COUNT] !== 1 ||
        fields[at + DESTINATION + COUNT] !== 1 ||
        fields[at + DESTINATION + TOTAL] !== lengthBytes ||
        (lengthBytes & classes[which + CLASS_MASK]!) !== 0 ||
        lengthBytes > classes[which + CLASS_LONGEST]! ||
        (classes[which + CLASS_COUNTS] !== 0 &&
          !isBelowCarry(ivs[IV * slot + 3]!, lengthBytes))
      ) break;
      const base = stride * (job & MASK);
      if (jobRecords[job] !== record) {
        jobRecords[job] = record;
        const keys = records[record + RECORD_KEYS]!;
        const high = records[record + RECORD_KEYS + 1]!;
        const others = (keys + records[record + RECORD_OFFSET]!) | 0;
        words[base] = keys;
        words[base + 1] = high;
        words[base + 2] = others;
        words[base + 3] = high + ((others >>> 0) < (keys >>> 0) ? 1 : 0);
      }
      if (jobIvSlots[job] !== slot) {
        jobIvSlots[job] = slot;
        const address = ivAddress + 4 * IV * slot;
        words[base + IV_WORD] = address | 0;
        words[base + IV_WORD + 1] = (address / TWO_TO_32) | 0;
      }
      const start = starts[slot]!;
      const source = (start + fields[at + SOURCE + FIRST]!) & BLOCK;
      const sourceRegion = 2 * (block[source]! & MASK);
      const sourceBase = addresses[sourceRegion]!;
      const low = (sourceBase + block[source + OFFSET]! +
        fields[at + SOURCE + SKIPPED]!) | 0;
      words[base + SOURCE_WORD] = low;
      words[base + SOURCE_WORD + 1] = addresses[sourceRegion + 1]! +
        ((low >>> 0) < (sourceBase >>> 0) ? 1 : 0);
      const result = (start + fields[at + DESTINATION + FIRST]!) & BLOCK;
      const resultRegion = 2 * (block[result]! & MASK);
      const resultBase = addresses[resultRegion]!;
      const resultLow = (resultBase + block[result + OFFSET]! +
        fields[at + DESTINATION + SKIPPED]!) | 0;
      words[base + DESTINATION_WORD] = resultLow;
      words[base + DESTINATION_WORD + 1] = addresses[resultRegion + 1]! +
        ((resultLow >>> 0) < (resultBase >>> 0) ? 1 : 0);
      words[base + LENGTH_WORD] = lengthBytes;
      jobSlots[job] = slot;
      job = (job + 1) | 0;
    }
    this.#count = job;
    return done;
  }

  /** The IVs of this burst are read where they are. */
  #useIvs(ivs: Uint32Array<ArrayBuffer>): void {
    this.#burstIvs = ivs;
    this.#burstIvAddress = ivsAddress(ivs);
    this.#ivSlots.fill(-1);
  }

  /** Makes a job of an operation that one job does, over these addresses. */
  add(
    owner: Finisher,
    kernel: LoneCipher,
    operation: Operation,
    from: number,
    to: number,
    lengthBytes: number,
    iv: Uint32Array,
    scatterFrom: number,
  ): void {
    if (this.#count === MOST_JOBS) this.flush();
    const job = this.#count++;
    this.#put(job, kernel, from, to, lengthBytes);
    for (let i = 0; i < IV; i++) this.#ivs[IV * job + i] = iv[i]!;
    this.#useOwnIv(job);
    this.#slots[job] = -1;
    this.#owners[job] = owner;
    this.#operations[job] = operation;
    this.#scatterFrom[job] = scatterFrom;
  }

  #put(
    job: number,
    kernel: LoneCipher,
    from: number,
    to: number,
    lengthBytes: number,
  ): void {
    const { words } = this.jobs;
    const base = this.#stride * job;
    this.#records[job] = -1;
    for (let i = 0; i < KEY_WORDS; i++) {
      words[base + i] = kernel.template.words[i]!;
    }
    putLong(words, base + SOURCE_WORD, from);
    putLong(words, base + DESTINATION_WORD, to);
    words[base + LENGTH_WORD] = lengthBytes;
  }

  /** Runs one job in place at once, beside those that wait. */
  runAlone(
    kernel: LoneCipher,
    address: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): boolean {
    this.#put(MOST_JOBS, kernel, address, address, lengthBytes);
    this.#ivBlock.bytes.set(iv.subarray(0, 4 * IV), 4 * IV * MOST_JOBS);
    return this.#runOne(MOST_JOBS);
  }

  /** Runs all jobs that wait and ends their requests. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    const isDone = this.#burst(this.#pointer, count) === count;
    // One that is refused holds up the others: each on its own.
    for (let job = 0; job < count && !isDone; job++) this.#runOne(job);
    const ended = this.#endAll(count, isDone);
    for (let job = ended; job < count; job++) {
      const done = isDone || this.#isDone(job);
      if (this.#slots[job]! < 0) this.#finish(job, done);
      else this.#end(this.#slots[job]!, done);
    }
  }

  /** Ends the requests of the first jobs, where all are done; how many. */
  #endAll(count: number, isDone: boolean): number {
    if (!isDone) return 0;
    const fields = this.#fields;
    const slots = this.#slots;
    let job = 0;
    for (; job < count; job = (job + 1) | 0) {
      const slot = slots[job]!;
      if (slot < 0) break;
      const at = WORDS * (slot & MASK);
      fields[at + STATUS] = OK;
      fields[at + WRITTEN] = fields[at + SOURCE + TOTAL]!;
    }
    return job;
  }

  #end(slot: number, done: boolean): void {
    const fields = this.#fields;
    const at = WORDS * slot;
    fields[at + STATUS] = done ? OK : FAILED;
    fields[at + WRITTEN] = done ? fields[at + SOURCE + TOTAL]! : 0;
  }

  #isDone(job: number): boolean {
    return this.#words[this.#stride * job + STATUS_WORD] === COMPLETED;
  }

  #finish(job: number, done: boolean): void {
    const operation = this.#operations[job]!;
    this.#operations[job] = undefined;
    this.#owners[job]!.finish(operation, job, done, this.#scatterFrom[job]!);
    this.#owners[job] = undefined;
  }

  #runOne(job: number): boolean {
    const status = this.#stride * job + STATUS_WORD;
    this.#words[status] = 0;
    const place = job * this.#library.jobBytes;
    this.#burst(Deno.UnsafePointer.offset(this.#pointer, place)!, 1);
    return this.#isDone(job);
  }

  #burst(jobs: Deno.PointerObject, count: number): number {
    return this.#library.hot.submit_cipher_burst(
      this.#library.manager,
      jobs,
      count,
      this.#mode,
      this.#direction,
      this.#keyBytes,
    );
  }

  /** Gives all jobs up, after a failure. */
  drop(): void {
    this.#count = 0;
    this.#operations.fill(undefined);
    this.#owners.fill(undefined);
  }

  /** Forgets the addresses of keys that are to be wiped. */
  forget(keys: Uint32Array): void {
    const words = this.jobs.words;
    for (let job = 0; job <= MOST_JOBS; job++) {
      const base = this.#stride * job;
      if (words[base] !== keys[0] || words[base + 1] !== keys[1]) continue;
      words.fill(0, base, base + KEY_WORDS);
    }
    // Another session may have the number of a record.
    this.#records.fill(-1);
  }

  wipe(): void {
    this.drop();
    this.jobs.wipe();
    this.#ivBlock.wipe();
  }
}

/** Whether a counter block is not carried beyond its last 32 bits. */
function isBelowCarry(lastWord: number, lengthBytes: number): boolean {
  const counter = (lastWord << 24 | (lastWord & 0xff00) << 8 |
    (lastWord >>> 8 & 0xff00) | lastWord >>> 24) >>> 0;
  return lengthBytes <= (2 ** 32 - counter) * 16;
}
