/**
 * HASH and MAC sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type {
  HashSession,
  MacSession,
} from "../../algorithms/session_description.ts";
import { type Operation, OperationKind } from "../backend.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../request_burst.ts";
import {
  type HashKernel,
  HEADROOM_BYTES,
  TAILROOM_BYTES,
} from "./hash_kernel.ts";
import { makeHashKernel, makeHmacKernel } from "./hashes.ts";
import type { JobQueue } from "./job_queue.ts";
import { IV_BYTES, type JobTemplate, putLong, WORD } from "./job_table.ts";
import { makeBlockMacKernel } from "./macs.ts";
import { segmentAddress } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, type IpsecMbSession, writeStart } from "./session.ts";

const DIGEST_KIND: number = OperationKind.Digest;
const SOURCE = BurstField.Source;
const DIGEST = BurstField.Digest;
const COUNT = ListField.Count;
const TOTAL = ListField.TotalBytes;

/** The MAC with the catalogue's name. */
export function makeMacKernel(
  runner: JobRunner,
  name: string,
  key: Uint8Array,
  resultBytes: number,
): HashKernel {
  const hash = algorithmByName("mac", name)?.hash;
  return hash === undefined
    ? makeBlockMacKernel(runner, name, key, resultBytes)
    : makeHmacKernel(runner.library, hash, key);
}

class IpsecMbDigestSession implements IpsecMbSession {
  readonly template: JobTemplate;
  readonly jobs: JobQueue;
  readonly #runner: JobRunner;
  readonly #kernel: HashKernel;
  readonly #resultBytes: number;
  readonly #iv = new Uint8Array(IV_BYTES);
  /** Whether a job is of plain bytes and writes as much as the session wants. */
  readonly #isDirect: boolean;

  constructor(runner: JobRunner, kernel: HashKernel, resultBytes: number) {
    this.#runner = runner;
    this.#kernel = kernel;
    this.#resultBytes = resultBytes;
    this.template = kernel.template;
    this.jobs = runner.queueOf(kernel);
    this.#isDirect = kernel.ivBytes === 0 && kernel.lengthUnit === 1 &&
      kernel.jobDigestBytes === resultBytes;
  }

  prepare(burst: RequestBurst, slot: number): boolean {
    const { fields } = burst;
    const kernel = this.#kernel;
    const at = BURST_WORDS * slot;
    const lengthBytes = fields[at + SOURCE + TOTAL]!;
    if (
      !this.#isDirect || fields[at + BurstField.Kind] !== DIGEST_KIND ||
      fields[at + SOURCE + COUNT] !== 1 || fields[at + DIGEST + COUNT] !== 1 ||
      fields[at + DIGEST + TOTAL]! < this.#resultBytes ||
      fields[at + BurstField.Destination + TOTAL] !== 0 ||
      !this.jobs.takesHash(kernel, lengthBytes) ||
      !kernel.staysInside(lengthBytes)
    ) return false;
    const { jobs } = this;
    const base = jobs.prepare(this);
    jobs.table.words[base + WORD.hashLength] = lengthBytes;
    jobs.note(burst, slot, 0);
    return true;
  }

  start(operation: Operation): void {
    const { source, digest } = operation;
    const kernel = this.#kernel;
    const lengthBytes = source.totalBytes - kernel.ivBytes;
    if (
      operation.kind !== OperationKind.Digest || lengthBytes < 0 ||
      digest.totalBytes < this.#resultBytes
    ) return fail(operation);
    if (kernel.ivBytes > 0) {
      source.read(0, this.#iv.subarray(0, kernel.ivBytes));
    }
    if (!this.jobs.takesHash(kernel, lengthBytes)) {
      return this.#runBeyond(operation, lengthBytes);
    }
    const address = this.#place(operation, kernel.staysInside(lengthBytes));
    const { table } = this.jobs;
    const slot = this.jobs.take(this, operation);
    const base = slot * table.stride;
    table.setIv(slot, this.#iv, kernel.ivBytes);
    putLong(table.words, base + WORD.source, address + kernel.ivBytes);
    putLong(
      table.words,
      base + WORD.hashLength,
      lengthBytes * kernel.lengthUnit,
    );
  }

  /** Native address of the whole source. */
  #place({ source }: Operation, staysInside: boolean): number {
    if (source.count === 1 && staysInside) return segmentAddress(source, 0);
    const runner = this.#runner;
    const at = runner.reserve(source.totalBytes + TAILROOM_BYTES);
    source.read(0, runner.bytes.subarray(at, at + source.totalBytes));
    return runner.address + at;
  }

  #runBeyond(operation: Operation, lengthBytes: number): void {
    const { source, digest } = operation;
    const runner = this.#runner;
    const kernel = this.#kernel;
    const start = runner.reserve(
      HEADROOM_BYTES + source.totalBytes + TAILROOM_BYTES,
    );
    const at = start + HEADROOM_BYTES;
    source.read(0, runner.bytes.subarray(at, at + source.totalBytes));
    const result = kernel.digest(
      runner,
      at + kernel.ivBytes,
      lengthBytes,
      this.#iv,
    );
    if (!result) return fail(operation);
    writeStart(digest, result, this.#resultBytes);
    complete(operation, 0);
  }

  finish(operation: Operation, slot: number, done: boolean): void {
    if (!done) return fail(operation);
    const tag = this.jobs.table.tags[slot]!;
    writeStart(operation.digest, tag, this.#resultBytes);
    complete(operation, 0);
  }

  close(): void {
    this.#runner.forget(this, this.#kernel);
    this.#kernel.close();
  }
}

export function openHashSession(
  runner: JobRunner,
  { algorithm, resultBytes }: HashSession,
): IpsecMbSession {
  const kernel = makeHashKernel(runner.library, algorithm);
  return new IpsecMbDigestSession(runner, kernel, resultBytes);
}

export function openMacSession(
  runner: JobRunner,
  { algorithm, key, resultBytes }: MacSession,
): IpsecMbSession {
  const kernel = makeMacKernel(runner, algorithm, key, resultBytes);
  return new IpsecMbDigestSession(runner, kernel, resultBytes);
}
