/**
 * CIPHER sessions.
 *
 * @module
 */

import type { CipherSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationKind } from "../backend.ts";
import { CipherKernel } from "./ciphers.ts";
import { type JobTemplate, putLong, WORD } from "./job_table.ts";
import type { Queue } from "./queues.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, type IpsecMbSession } from "./session.ts";

// The engine folds constants of a module of its own only.
const { source: SOURCE, destination: DESTINATION, cipherLength: LENGTH } = WORD;

class IpsecMbCipherSession implements IpsecMbSession {
  readonly template: JobTemplate;
  readonly #runner: JobRunner;
  readonly #kernel: CipherKernel;
  readonly #queue: Queue;
  readonly #kind: OperationKind;

  constructor(runner: JobRunner, description: CipherSession) {
    this.#runner = runner;
    this.#kernel = new CipherKernel(runner.library, description);
    this.#queue = runner.queueFor(this.#kernel);
    this.template = this.#kernel.template;
    this.#kind = description.direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt;
  }

  touch(): number {
    return this.template.words[0]! + this.#kernel.touch();
  }

  start(operation: Operation): void {
    const { source, destination } = operation;
    const lengthBytes = source.totalBytes;
    if (
      operation.kind !== this.#kind ||
      destination.totalBytes !== lengthBytes ||
      !this.#kernel.accepts(operation.ivBytes, lengthBytes)
    ) return fail(operation);
    if (lengthBytes === 0) return complete(operation, 0);
    if (!this.#kernel.fitsJob(operation.iv, lengthBytes)) {
      return this.#runSplit(operation);
    }
    if (source.isNative && destination.isNative) {
      const slot = this.#takeJob(operation, lengthBytes);
      const { words, stride, scatterFrom } = this.#queue.table;
      const base = slot * stride;
      source.putAddress(words, base + SOURCE);
      destination.putAddress(words, base + DESTINATION);
      scatterFrom[slot] = -1;
    } else this.#startPlaced(operation, lengthBytes);
  }

  /** Memory in pieces, or of the engine, which tells no address of its own. */
  #startPlaced(operation: Operation, lengthBytes: number): void {
    const runner = this.#runner;
    runner.place(operation.source, operation.destination);
    const slot = this.#takeJob(operation, lengthBytes);
    const { words, stride, scatterFrom } = this.#queue.table;
    const base = slot * stride;
    putLong(words, base + SOURCE, runner.from);
    putLong(words, base + DESTINATION, runner.to);
    scatterFrom[slot] = runner.scatterFrom;
  }

  /** The slot of a new job with everything but its addresses. */
  #takeJob(operation: Operation, lengthBytes: number): number {
    const slot = this.#queue.take(this, operation);
    const { table } = this.#queue;
    table.setIvWords(slot, operation.ivWords);
    // One job's length never needs the upper word, which is 0 in the template.
    table.words[slot * table.stride + LENGTH] = lengthBytes *
      this.#kernel.lengthUnit;
    return slot;
  }

  /** A message of more than one job. */
  #runSplit(operation: Operation): void {
    const { source, destination, iv } = operation;
    const lengthBytes = source.totalBytes;
    const runner = this.#runner;
    const at = runner.reserve(lengthBytes);
    const data = runner.bytes.subarray(at, at + lengthBytes);
    source.read(0, data);
    if (!this.#kernel.transform(runner, at, lengthBytes, iv)) {
      return fail(operation);
    }
    destination.write(0, data);
    complete(operation, lengthBytes);
  }

  finish(operation: Operation, slot: number, done: boolean): void {
    if (!done) return fail(operation);
    const { destination } = operation;
    const lengthBytes = destination.totalBytes;
    const from = this.#queue.table.scatterFrom[slot]!;
    if (from >= 0) {
      const { bytes } = this.#runner;
      destination.write(0, bytes.subarray(from, from + lengthBytes));
    }
    complete(operation, lengthBytes);
  }

  close(): void {
    this.#runner.forget(this, this.#kernel);
    this.#kernel.close();
  }
}

export function openCipherSession(
  runner: JobRunner,
  description: CipherSession,
): IpsecMbSession {
  return new IpsecMbCipherSession(runner, description);
}
