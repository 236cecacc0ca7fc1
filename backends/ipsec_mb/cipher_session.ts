/**
 * CIPHER sessions.
 *
 * @module
 */

import type { CipherSession } from "../../algorithms/session_description.ts";
import { type Operation, OperationKind } from "../backend.ts";
import { CipherKernel } from "./ciphers.ts";
import type { JobQueue } from "./job_queue.ts";
import { type JobTemplate, putLong, WORD } from "./job_table.ts";
import type { JobRunner } from "./runner.ts";
import { complete, fail, type IpsecMbSession } from "./session.ts";

/**
 * A session of a cipher. What is a job of a cipher only, over one range each, is
 * made one by its queue; all else comes here.
 */
export class IpsecMbCipherSession implements IpsecMbSession {
  readonly template: JobTemplate;
  readonly jobs: JobQueue;
  readonly kernel: CipherKernel;
  readonly kind: OperationKind;
  /** Number of the queue where its jobs wait, or 0. */
  readonly queue: number;
  readonly #runner: JobRunner;

  constructor(runner: JobRunner, description: CipherSession) {
    this.#runner = runner;
    this.jobs = runner.mixed;
    this.kernel = new CipherKernel(runner.library, description);
    this.queue = runner.cipherQueueOf(this.kernel);
    this.template = this.kernel.template;
    this.kind = description.direction === "encrypt"
      ? OperationKind.Encrypt
      : OperationKind.Decrypt;
  }

  start(operation: Operation): void {
    const { kernel } = this;
    const { source, destination, ivWords } = operation;
    const lengthBytes = source.totalBytes;
    if (
      operation.kind !== this.kind ||
      destination.totalBytes !== lengthBytes ||
      !kernel.accepts(operation.ivBytes, lengthBytes)
    ) return fail(operation);
    if (lengthBytes === 0) return complete(operation, 0);
    const fitsJob = kernel.fitsJob(operation.iv, lengthBytes);
    if (!fitsJob && !kernel.isChained) return this.#runSplit(operation);
    const runner = this.#runner;
    runner.place(source, destination);
    const { from, to, scatterFrom } = runner;
    const queue = runner.cipherQueues[this.queue - 1];
    if (!fitsJob) this.#startLong(operation);
    else if (queue) {
      queue.add(
        this,
        kernel,
        operation,
        from,
        to,
        lengthBytes,
        ivWords,
        scatterFrom,
      );
    } else this.#startMixed(operation, lengthBytes);
  }

  /** A cipher that waits among jobs of any kind. */
  #startMixed(operation: Operation, lengthBytes: number): void {
    const { from, to, scatterFrom } = this.#runner;
    const slot = this.jobs.take(this, operation);
    const { table } = this.jobs;
    const { words } = table;
    const base = slot * table.stride;
    table.setIvWords(slot, operation.ivWords);
    putLong(words, base + WORD.source, from);
    putLong(words, base + WORD.destination, to);
    // One job's length never needs the upper word, which is 0 in the template.
    words[base + WORD.cipherLength] = lengthBytes * this.kernel.lengthUnit;
    table.scatterFrom[slot] = scatterFrom;
  }

  #startLong(operation: Operation): void {
    const { source, destination } = operation;
    const runner = this.#runner;
    const { from, to, scatterFrom } = runner;
    const lengthBytes = source.totalBytes;
    runner.longCiphers.add({
      owner: this,
      queue: runner.cipherQueues[this.queue - 1]!,
      kernel: this.kernel,
      operation,
      input: source.count === 1
        ? source.view(0)
        : runner.bytesAt(from, lengthBytes),
      output: scatterFrom < 0
        ? destination.view(0)
        : runner.bytesAt(to, lengthBytes),
      from,
      to,
      scatterFrom,
    });
  }

  /** A message whose pieces are run one after the other. */
  #runSplit(operation: Operation): void {
    const { source, destination, iv } = operation;
    const lengthBytes = source.totalBytes;
    const runner = this.#runner;
    const at = runner.reserve(lengthBytes);
    const data = runner.bytes.subarray(at, at + lengthBytes);
    source.read(0, data);
    if (!this.kernel.transform(runner, at, lengthBytes, iv)) {
      return fail(operation);
    }
    destination.write(0, data);
    complete(operation, lengthBytes);
  }

  finish(
    operation: Operation,
    _slot: number,
    done: boolean,
    scatterFrom: number,
  ): void {
    if (!done) return fail(operation);
    const { destination } = operation;
    const lengthBytes = destination.totalBytes;
    if (scatterFrom >= 0) {
      const { bytes } = this.#runner;
      const end = scatterFrom + lengthBytes;
      destination.write(0, bytes.subarray(scatterFrom, end));
    }
    complete(operation, lengthBytes);
  }

  close(): void {
    this.#runner.forget(this, this.kernel);
    this.kernel.close();
  }
}

export function openCipherSession(
  runner: JobRunner,
  description: CipherSession,
): IpsecMbCipherSession {
  return new IpsecMbCipherSession(runner, description);
}
