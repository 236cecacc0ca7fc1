/**
 * AES-CBC and AES-CTR of one direction and key length: jobs with different keys,
 * done by one synchronous call. What a job takes of its request and its session
 * is read from numbers and written to the job, so that a request costs no object.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { MAX_BURST_SIZE, STATUS_COMPLETED } from "../../ffi/ipsec_mb_layout.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  IV_WORDS,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { CIPHER_WORDS, CipherWord } from "./cipher_records.ts";
import { type JobOwner, putLong, WORD } from "./job_table.ts";
import type { LoneCipher } from "./lone_jobs.ts";
import { NativeBlock, putListAddress } from "./native_memory.ts";

// The engine folds constants of a module of its own only.
const {
  source: SOURCE_WORD,
  destination: DESTINATION_WORD,
  cipherLength: LENGTH_WORD,
  status: STATUS_WORD,
} = WORD;
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
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;
const IV = IV_WORDS;
const RECORD = CIPHER_WORDS;
const RECORD_KIND = CipherWord.Kind;
const RECORD_IV_BYTES = CipherWord.IvBytes;
const RECORD_MASK = CipherWord.BlockMask;
const RECORD_LONGEST = CipherWord.LongestBytes;
const RECORD_COUNTS = CipherWord.Counts;
const RECORD_KEYS = CipherWord.EncryptionKeys;
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
    const iv = this.#ivBlock.address + 4 * IV_WORDS * job;
    putLong(this.jobs.words, base + WORD.iv, iv);
  }

  /**
   * Makes a job of a request whose source and destination are one range each and
   * which one job does; false leaves it to the careful way. `addresses`: those of
   * the burst's regions; `records`: the sessions.
   */
  take(
    burst: RequestBurst,
    slot: number,
    addresses: Int32Array<ArrayBuffer>,
    records: Int32Array<ArrayBuffer>,
  ): boolean {
    const { fields, ivs } = burst;
    const at = WORDS * slot;
    const record = RECORD * fields[at + SESSION]!;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    if (
      fields[at + KIND] !== records[record + RECORD_KIND] ||
      fields[at + IV_BYTES]! < records[record + RECORD_IV_BYTES]! ||
      fields[at + SOURCE + COUNT] !== 1 ||
      fields[at + DESTINATION + COUNT] !== 1 ||
      fields[at + DESTINATION + TOTAL] !== lengthBytes ||
      (lengthBytes & records[record + RECORD_MASK]!) !== 0 ||
      lengthBytes > records[record + RECORD_LONGEST]! ||
      (records[record + RECORD_COUNTS] !== 0 &&
        !isBelowCarry(ivs[IV * slot + 3]!, lengthBytes))
    ) return false;
    if (this.#count === MOST_JOBS) this.flush();
    const job = this.#count++;
    const words = this.#words;
    const base = this.#stride * job;
    words[base] = records[record + RECORD_KEYS]!;
    words[base + 1] = records[record + RECORD_KEYS + 1]!;
    words[base + 2] = records[record + RECORD_KEYS + 2]!;
    words[base + 3] = records[record + RECORD_KEYS + 3]!;
    const start = burst.lists.starts[slot]!;
    putListAddress(
      words,
      base + SOURCE_WORD,
      burst,
      at + SOURCE,
      start,
      addresses,
    );
    putListAddress(
      words,
      base + DESTINATION_WORD,
      burst,
      at + DESTINATION,
      start,
      addresses,
    );
    words[base + LENGTH_WORD] = lengthBytes;
    const jobIvs = this.#ivs;
    jobIvs[IV * job] = ivs[IV * slot]!;
    jobIvs[IV * job + 1] = ivs[IV * slot + 1]!;
    jobIvs[IV * job + 2] = ivs[IV * slot + 2]!;
    jobIvs[IV * job + 3] = ivs[IV * slot + 3]!;
    this.#slots[job] = slot;
    this.#fields = fields;
    return true;
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
    if (this.#burst(this.#pointer, count) !== count) {
      // One that is refused holds up the others: each on its own.
      for (let job = 0; job < count; job++) this.#runOne(job);
    }
    const fields = this.#fields;
    for (let job = 0; job < count; job++) {
      const done = this.#words[this.#stride * job + STATUS_WORD] === COMPLETED;
      const slot = this.#slots[job]!;
      if (slot < 0) {
        this.#finish(job, done);
        continue;
      }
      const at = WORDS * slot;
      fields[at + STATUS] = done ? OK : FAILED;
      fields[at + WRITTEN] = done ? fields[at + SOURCE + TOTAL]! : 0;
    }
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
    return this.#words[status] === COMPLETED;
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
