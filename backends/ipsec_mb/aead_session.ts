/**
 * AEAD sessions.
 *
 * @module
 */

import {
  algorithmByName,
  allowsLength,
  type Lengths,
} from "../../algorithms/catalogue.ts";
import {
  dataFits,
  type DataLimit,
  dataLimit,
} from "../../algorithms/legality.ts";
import type { AeadSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationKind, OperationStatus } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import { type AeadKernel, makeAeadKernel } from "./aead.ts";
import type { JobQueue } from "./job_queue.ts";
import {
  JobPart,
  type JobTemplate,
  makeTemplate,
  putLong,
  WORD,
} from "./job_table.ts";
import { segmentAddress } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, type IpsecMbSession, writeStart } from "./session.ts";

const TAG_BYTES = 16;

const ENCRYPT: number = OperationKind.Encrypt;
const SOURCE = BurstField.Source;
const DESTINATION = BurstField.Destination;
const DIGEST = BurstField.Digest;
const ADDITIONAL = BurstField.AdditionalData;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

const WITHOUT_DATA = JobPart.Iv | JobPart.Destination;
const WITH_DATA = WITHOUT_DATA | JobPart.AdditionalData;

class IpsecMbAeadSession implements IpsecMbSession {
  readonly template: JobTemplate;
  readonly jobs: JobQueue;
  readonly #runner: JobRunner;
  readonly #kernel: AeadKernel;
  readonly #encrypts: boolean;
  readonly #ivLengths: Lengths;
  readonly #limit: DataLimit;
  readonly #tagBytes: number;
  readonly #tag = new Uint8Array(TAG_BYTES);
  readonly #given: Uint8Array;

  constructor(runner: JobRunner, description: AeadSession) {
    this.#runner = runner;
    this.jobs = runner.mixed;
    this.#kernel = makeAeadKernel(runner, description);
    this.template = makeTemplate(this.#kernel.words);
    this.#encrypts = description.direction === "encrypt";
    const algorithm = algorithmByName("aead", description.algorithm)!;
    this.#ivLengths = algorithm.ivBytes;
    this.#limit = dataLimit(algorithm);
    this.#tagBytes = description.tagBytes;
    this.#given = new Uint8Array(description.tagBytes);
  }

  /** Encryption; a tag that is to be verified is looked at after the job. */
  prepare(burst: RequestBurst, slot: number): boolean {
    const { fields } = burst;
    const at = BURST_WORDS * slot;
    const ivBytes = fields[at + BurstField.IvBytes]!;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    const additionalBytes = fields[at + ADDITIONAL + TOTAL]!;
    if (
      ivBytes !== this.#kernel.directIvBytes || !this.#encrypts ||
      fields[at + BurstField.Kind] !== ENCRYPT ||
      fields[at + SOURCE + COUNT] !== 1 ||
      fields[at + DESTINATION + COUNT] !== 1 ||
      fields[at + DIGEST + COUNT] !== 1 ||
      fields[at + ADDITIONAL + COUNT]! > 1 ||
      fields[at + DESTINATION + TOTAL] !== lengthBytes ||
      fields[at + DIGEST + TOTAL]! < this.#tagBytes ||
      !dataFits(this.#limit, ivBytes, lengthBytes)
    ) return false;
    const { jobs } = this;
    const base = jobs.prepare(this);
    const { words } = jobs.table;
    words[base + WORD.ivBytes] = ivBytes;
    words[base + WORD.cipherLength] = lengthBytes;
    words[base + WORD.hashLength] = lengthBytes;
    words[base + WORD.u + 2] = additionalBytes;
    jobs.note(burst, slot, additionalBytes > 0 ? WITH_DATA : WITHOUT_DATA);
    return true;
  }

  start(operation: Operation): void {
    if (!this.#accepts(operation)) return fail(operation);
    if (!this.#kernel.fitsJob(operation)) return this.#runInParts(operation);
    const { source, destination, additionalData, ivBytes } = operation;
    const runner = this.#runner;
    const lengthBytes = source.totalBytes;
    const additionalBytes = additionalData.totalBytes;
    const gathers = additionalData.count > 1;
    runner.place(source, destination, gathers ? additionalBytes : 0);
    const additional = gathers
      ? this.#gather(operation)
      : additionalBytes > 0
      ? segmentAddress(additionalData, 0)
      : 0;
    const { table } = this.jobs;
    const slot = this.jobs.take(this, operation);
    const { words } = table;
    const base = slot * table.stride;
    table.setIv(slot, operation.iv, ivBytes);
    putLong(words, base + WORD.ivBytes, ivBytes);
    putLong(words, base + WORD.source, runner.from);
    putLong(words, base + WORD.destination, runner.to);
    putLong(words, base + WORD.cipherLength, lengthBytes);
    putLong(words, base + WORD.hashLength, lengthBytes);
    putLong(words, base + WORD.u, additional);
    putLong(words, base + WORD.u + 2, additionalBytes);
    table.scatterFrom[slot] = runner.scatterFrom;
  }

  #accepts(operation: Operation): boolean {
    const { source, destination, digest, ivBytes } = operation;
    const kind = this.#encrypts ? OperationKind.Encrypt : OperationKind.Decrypt;
    return operation.kind === kind &&
      destination.totalBytes === source.totalBytes &&
      digest.totalBytes >= this.#tagBytes &&
      allowsLength(this.#ivLengths, ivBytes) &&
      dataFits(this.#limit, ivBytes, source.totalBytes);
  }

  #gather({ additionalData }: Operation): number {
    const runner = this.#runner;
    const start = runner.extraAt;
    const end = start + additionalData.totalBytes;
    additionalData.read(0, runner.bytes.subarray(start, end));
    return runner.address + start;
  }

  #runInParts(operation: Operation): void {
    const { parts } = this.#kernel;
    const at = parts
      ? parts.run(this.#runner, operation, this.#encrypts, this.#tag)
      : -1;
    if (at < 0) return fail(operation);
    this.#conclude(operation, this.#tag, at);
  }

  finish(
    operation: Operation,
    slot: number,
    done: boolean,
    scatterFrom: number,
  ): void {
    const { table } = this.jobs;
    if (!done) return fail(operation);
    this.#conclude(operation, table.tags[slot]!, scatterFrom);
  }

  /** Checks or writes the tag; output in bounce memory goes out after that. */
  #conclude(operation: Operation, tag: Uint8Array, from: number): void {
    const { destination, digest } = operation;
    const lengthBytes = destination.totalBytes;
    if (!this.#encrypts && !this.#isGenuine(operation, tag)) {
      destination.fill(0, lengthBytes, 0);
      return fail(operation, OperationStatus.BadTag);
    }
    if (from >= 0) {
      const { bytes } = this.#runner;
      destination.write(0, bytes.subarray(from, from + lengthBytes));
    }
    if (this.#encrypts) writeStart(digest, tag, this.#tagBytes);
    complete(operation, lengthBytes);
  }

  /** In a time that does not depend on where the tags differ. */
  #isGenuine({ digest }: Operation, tag: Uint8Array): boolean {
    const given = this.#given;
    digest.read(0, given);
    let difference = 0;
    for (let i = 0; i < given.length; i++) difference |= given[i]! ^ tag[i]!;
    return difference === 0;
  }

  close(): void {
    this.#runner.forget(this);
    this.#kernel.parts?.close();
    this.#kernel.block.wipe();
    this.#kernel.words.fill(0);
    this.#tag.fill(0);
    this.#given.fill(0);
  }
}

export function openAeadSession(
  runner: JobRunner,
  description: AeadSession,
): IpsecMbSession {
  return new IpsecMbAeadSession(runner, description);
}
