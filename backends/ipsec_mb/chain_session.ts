/**
 * Algorithm chaining: a cipher over one part of the source and a hash over
 * another, in either order (virtio 1.4 §5.9.9.6).
 *
 * @module
 */

import type { ChainSession } from "../../algorithms/session_description.ts";
import { copyRange } from "../../memory/segments.ts";
import { type Operation, OperationKind } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { CipherKernel } from "./ciphers.ts";
import { makeMacKernel } from "./digest_session.ts";
import {
  chainTemplate,
  type HashKernel,
  HEADROOM_BYTES,
  TAILROOM_BYTES,
} from "./hash_kernel.ts";
import { makeHashKernel } from "./hashes.ts";
import type { JobQueue } from "./job_queue.ts";
import { JobPart, type JobTemplate, putLong, WORD } from "./job_table.ts";
import { LongChains } from "./long_chains.ts";
import { roundUp, segmentAddress } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, type IpsecMbSession, writeStart } from "./session.ts";

const NO_IV = new Uint8Array(0);
const SOURCE_LIST = BurstField.Source;
const DESTINATION_LIST = BurstField.Destination;
const DIGEST_LIST = BurstField.Digest;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

// The engine folds constants of a module of its own only.
const {
  source: SOURCE,
  destination: DESTINATION,
  cipherStart: CIPHER_START,
  cipherLength: CIPHER_LENGTH,
  hashStart: HASH_START,
  hashLength: HASH_LENGTH,
} = WORD;

const HASHED_FIRST = JobPart.Iv | JobPart.Destination;
const HASHED_LAST = HASHED_FIRST | JobPart.HashOfResult;

class IpsecMbChainSession implements IpsecMbSession {
  readonly template: JobTemplate;
  readonly jobs: JobQueue;
  readonly #runner: JobRunner;
  readonly #cipher: CipherKernel;
  readonly #hash: HashKernel;
  readonly #kind: OperationKind;
  readonly #hashesFirst: boolean;
  readonly #resultBytes: number;
  readonly #long: LongChains;
  /** Whether a job is of plain bytes and writes as much as the session wants. */
  readonly #isDirect: boolean;

  constructor(runner: JobRunner, description: ChainSession) {
    const { cipher, hashMode, hashAlgorithm, authKey } = description;
    const { library } = runner;
    this.#runner = runner;
    this.#hashesFirst = description.order === "hash-then-cipher";
    this.#resultBytes = description.resultBytes;
    this.#kind = cipher.direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt;
    this.#hash = hashMode === "plain"
      ? makeHashKernel(library, hashAlgorithm)
      : makeMacKernel(runner, hashAlgorithm, authKey, this.#resultBytes);
    try {
      this.#cipher = new CipherKernel(library, cipher);
    } catch (error) {
      this.#hash.close();
      throw error;
    }
    this.template = chainTemplate(
      library,
      this.#cipher,
      this.#hash,
      this.#hashesFirst,
    );
    this.jobs = runner.queueOf(this.#hash, this.#cipher, this.#hashesFirst);
    this.#long = new LongChains(
      runner,
      this.#cipher,
      this.#hash,
      this.#hashesFirst,
      this.#resultBytes,
    );
    this.#isDirect = this.#cipher.isChained && this.#hash.ivBytes === 0 &&
      this.#cipher.lengthUnit === 1 && this.#hash.lengthUnit === 1 &&
      this.#hash.jobDigestBytes === this.#resultBytes;
  }

  /** A request that is enciphered as a whole. */
  prepare(burst: RequestBurst, slot: number): boolean {
    const { fields } = burst;
    const at = BURST_WORDS * slot;
    const lengthBytes = fields[at + SOURCE_LIST + TOTAL]!;
    const hashAt = fields[at + BurstField.HashStart]!;
    const hashBytes = fields[at + BurstField.HashBytes]!;
    if (
      !this.#isDirect || fields[at + BurstField.Kind] !== this.#kind ||
      fields[at + SOURCE_LIST + COUNT] !== 1 ||
      fields[at + DESTINATION_LIST + COUNT] !== 1 ||
      fields[at + DIGEST_LIST + COUNT] !== 1 ||
      fields[at + BurstField.AdditionalData + TOTAL] !== 0 ||
      fields[at + DESTINATION_LIST + TOTAL] !== lengthBytes ||
      fields[at + DIGEST_LIST + TOTAL]! < this.#resultBytes ||
      fields[at + BurstField.CipherStart] !== 0 ||
      fields[at + BurstField.CipherBytes] !== lengthBytes ||
      lengthBytes > this.#cipher.longestJobBytes || hashBytes === 0 ||
      hashAt + hashBytes > lengthBytes ||
      !this.jobs.takesHash(this.#hash, hashBytes) ||
      !this.#hash.staysInside(hashBytes) ||
      !this.#cipher.accepts(fields[at + BurstField.IvBytes]!, lengthBytes)
    ) return false;
    const { jobs } = this;
    const base = jobs.prepare(this);
    const { words } = jobs.table;
    words[base + CIPHER_START] = 0;
    words[base + CIPHER_START + 1] = 0;
    words[base + CIPHER_LENGTH] = lengthBytes;
    words[base + HASH_LENGTH] = hashBytes;
    words[base + HASH_START] = hashAt;
    words[base + HASH_START + 1] = 0;
    jobs.note(burst, slot, this.#hashesFirst ? HASHED_FIRST : HASHED_LAST);
    return true;
  }

  start(operation: Operation): void {
    if (operation.kind !== this.#kind || !this.#isInside(operation)) {
      return fail(operation);
    }
    if (!this.#fitsJob(operation)) {
      return this.#isLong(operation)
        ? this.#startLong(operation)
        : this.#runInSteps(operation);
    }
    const { cipherStart, hashStart } = operation;
    const runner = this.#runner;
    const isInPlace = this.#place(operation);
    const { table } = this.jobs;
    const slot = this.jobs.take(this, operation);
    const { words } = table;
    const base = slot * table.stride;
    const unit = this.#cipher.lengthUnit;
    table.setIvWords(slot, operation.ivWords);
    const output = isInPlace ? runner.to + cipherStart : runner.to;
    putLong(words, base + SOURCE, runner.from);
    putLong(words, base + DESTINATION, output);
    putLong(words, base + CIPHER_START, cipherStart * unit);
    putLong(words, base + CIPHER_LENGTH, operation.cipherBytes * unit);
    putLong(words, base + HASH_START, hashStart);
    putLong(
      words,
      base + HASH_LENGTH,
      operation.hashBytes * this.#hash.lengthUnit,
    );
    table.scatterFrom[slot] = runner.scatterFrom;
  }

  /** Whether every range lies in the data and everything has its room. */
  #isInside(operation: Operation): boolean {
    const { source, destination, digest } = operation;
    const { totalBytes } = source;
    return operation.cipherStart + operation.cipherBytes <= totalBytes &&
      operation.hashStart + operation.hashBytes <= totalBytes &&
      destination.totalBytes === totalBytes &&
      digest.totalBytes >= this.#resultBytes &&
      this.#cipher.accepts(operation.ivBytes, operation.cipherBytes);
  }

  #fitsJob(operation: Operation): boolean {
    const { cipherStart, cipherBytes, hashBytes } = operation;
    return operation.additionalData.totalBytes === 0 &&
      cipherBytes > 0 && hashBytes > 0 &&
      this.#cipher.fitsJob(operation.iv, cipherBytes) &&
      this.jobs.takesHash(this.#hash, hashBytes) &&
      this.#hash.staysInside(hashBytes) &&
      // With lengths in bits the library moves the output by the offset too.
      (this.#cipher.lengthUnit === 1 || cipherStart === 0);
  }

  /**
   * Decides where the job works; whether it does so in place. The hash reads
   * where the cipher reads, and bytes outside the cipher's part are copied, so
   * that mostly the data is copied first.
   */
  #place(operation: Operation): boolean {
    const { source, destination } = operation;
    const runner = this.#runner;
    const lengthBytes = source.totalBytes;
    if (this.#hashesFirst && operation.cipherBytes === lengthBytes) {
      runner.place(source, destination);
      return false;
    }
    if (source.count === 1 && destination.count === 1) {
      runner.scatterFrom = -1;
      runner.to = segmentAddress(destination, 0);
      if (segmentAddress(source, 0) !== runner.to) {
        copyRange(source, destination);
      }
    } else {
      const at = runner.reserve(lengthBytes);
      source.read(0, runner.bytes.subarray(at, at + lengthBytes));
      runner.scatterFrom = at;
      runner.to = runner.address + at;
    }
    runner.from = runner.to;
    return true;
  }

  #isLong({ additionalData, cipherBytes, hashBytes }: Operation): boolean {
    return additionalData.totalBytes === 0 &&
      this.#long.takes(cipherBytes, hashBytes);
  }

  #startLong(operation: Operation): void {
    const { source, destination, cipherBytes } = operation;
    const runner = this.#runner;
    const lengthBytes = source.totalBytes;
    const isWhole = cipherBytes === lengthBytes;
    if (isWhole) runner.place(source, destination);
    const isInPlace = !isWhole && this.#place(operation);
    const { from, to, scatterFrom } = runner;
    const output = scatterFrom < 0
      ? destination.view(0)
      : runner.bytesAt(to, lengthBytes);
    const input = isInPlace
      ? output
      : source.count === 1
      ? source.view(0)
      : runner.bytesAt(from, lengthBytes);
    this.#long.start(operation, { input, output, from, to, scatterFrom });
  }

  /** What is no single job: the cipher and the hash one after the other. */
  #runInSteps(operation: Operation): void {
    const { source, destination, additionalData, iv } = operation;
    const { cipherStart, cipherBytes } = operation;
    const runner = this.#runner;
    const lengthBytes = source.totalBytes;
    const hashedBytes = additionalData.totalBytes + operation.hashBytes;
    const room = roundUp(lengthBytes, 64) + HEADROOM_BYTES;
    const at = runner.reserve(room + hashedBytes + TAILROOM_BYTES);
    const image = runner.bytes.subarray(at, at + lengthBytes);
    source.read(0, image);
    let result: Uint8Array | undefined;
    const hash = () => {
      result = this.#hashImage(operation, image, at + room);
      return result !== undefined;
    };
    const encipher = () =>
      this.#cipher.transform(runner, at + cipherStart, cipherBytes, iv);
    const good = this.#hashesFirst
      ? hash() && encipher()
      : encipher() && hash();
    if (!good) return fail(operation);
    destination.write(0, image);
    writeStart(operation.digest, result!, this.#resultBytes);
    complete(operation, lengthBytes);
  }

  #hashImage(
    { additionalData, hashStart, hashBytes }: Operation,
    image: Uint8Array,
    at: number,
  ): Uint8Array | undefined {
    const runner = this.#runner;
    const start = at + additionalData.totalBytes;
    additionalData.read(0, runner.bytes.subarray(at, start));
    runner.bytes.set(image.subarray(hashStart, hashStart + hashBytes), start);
    return this.#hash.digest(runner, at, start + hashBytes - at, NO_IV);
  }

  finish(
    operation: Operation,
    slot: number,
    done: boolean,
    scatterFrom: number,
  ): void {
    if (!done) return fail(operation);
    const { table } = this.jobs;
    const { destination } = operation;
    const lengthBytes = destination.totalBytes;
    if (scatterFrom >= 0) {
      const { bytes } = this.#runner;
      const end = scatterFrom + lengthBytes;
      destination.write(0, bytes.subarray(scatterFrom, end));
    }
    writeStart(operation.digest, table.tags[slot]!, this.#resultBytes);
    complete(operation, lengthBytes);
  }

  close(): void {
    this.#runner.forget(this, this.#long, this.#cipher, this.#hash);
    this.#cipher.close();
    this.#hash.close();
    this.template.words.fill(0);
  }
}

export function openChainSession(
  runner: JobRunner,
  description: ChainSession,
): IpsecMbSession {
  return new IpsecMbChainSession(runner, description);
}
