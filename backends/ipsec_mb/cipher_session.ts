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
    const { source, destination, iv } = operation;
    const kernel = this.#kernel;
    const lengthBytes = source.totalBytes;
    if (
      operation.kind !== this.#kind ||
      destination.totalBytes !== lengthBytes ||
      !kernel.accepts(operation.ivBytes, lengthBytes)
    ) return fail(operation);
    if (lengthBytes === 0) return complete(operation, 0);
    if (!kernel.fitsJob(iv, lengthBytes)) return this.#runSplit(operation);
    const runner = this.#runner;
    runner.place(source, destination);
    const { table } = this.#queue;
    const slot = this.#queue.take(this, operation);
    const { words } = table;
    const base = slot * table.stride;
    table.setIvWords(slot, operation.ivWords);
    putLong(words, base + SOURCE, runner.from);
    putLong(words, base + DESTINATION, runner.to);
    // One job's length never needs the upper word, which is 0 in the template.
    words[base + LENGTH] = lengthBytes * kernel.lengthUnit;
    table.scatterFrom[slot] = runner.scatterFrom;
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
