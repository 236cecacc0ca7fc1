/**
 * Messages of AES-CBC that are longer than a job may be: those of a burst go on
 * side by side, one piece of each at a time, so that all lanes are used.
 *
 * @module
 */

import { CipherDirection } from "../../ffi/ipsec_mb_layout.ts";
import type { Operation } from "../backend.ts";
import type { CipherQueue, Finisher } from "./cipher_queue.ts";
import type { CipherKernel } from "./ciphers.ts";

const BLOCK_BYTES = 16;

/** One message on its way; it ends with the outcome of its last piece. */
class LongCipher implements Finisher {
  readonly #owner: Finisher;
  readonly #queue: CipherQueue;
  readonly #kernel: CipherKernel;
  readonly #operation: Operation;
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  readonly #from: number;
  readonly #to: number;
  readonly #scatterFrom: number;
  readonly #iv = new Uint32Array(BLOCK_BYTES / 4);
  readonly #ivBytes = new Uint8Array(this.#iv.buffer);
  #doneBytes = 0;
  #partBytes = 0;

  constructor(message: LongMessage) {
    this.#owner = message.owner;
    this.#queue = message.queue;
    this.#kernel = message.kernel;
    this.#operation = message.operation;
    this.#input = message.input;
    this.#output = message.output;
    this.#from = message.from;
    this.#to = message.to;
    this.#scatterFrom = message.scatterFrom;
    this.#iv.set(message.operation.ivWords.subarray(0, BLOCK_BYTES / 4));
  }

  get isDone(): boolean {
    return this.#doneBytes === this.#input.length;
  }

  /** Makes a job of the next piece. */
  goOn(): void {
    const done = this.#doneBytes;
    const left = this.#input.length - done;
    this.#partBytes = Math.min(left, this.#kernel.longestJobBytes);
    this.#queue.add(
      this,
      this.#kernel,
      this.#operation,
      this.#from + done,
      this.#to + done,
      this.#partBytes,
      this.#iv,
      this.#scatterFrom,
    );
    // In place, decryption overwrites what the next piece begins with.
    if (this.#kernel.direction === CipherDirection.DECRYPT) {
      this.#takeIv(this.#input);
    }
  }

  #takeIv(ciphertext: Uint8Array): void {
    const end = this.#doneBytes + this.#partBytes;
    this.#ivBytes.set(ciphertext.subarray(end - BLOCK_BYTES, end));
  }

  finish(
    operation: Operation,
    job: number,
    done: boolean,
    scatterFrom: number,
  ): void {
    if (this.#kernel.direction === CipherDirection.ENCRYPT) {
      this.#takeIv(this.#output);
    }
    this.#doneBytes += this.#partBytes;
    if (done && !this.isDone) return;
    this.#doneBytes = this.#input.length;
    this.#owner.finish(operation, job, done, scatterFrom);
  }
}

/** A message, contiguous where it is read and where it is written. */
export interface LongMessage {
  readonly owner: Finisher;
  readonly queue: CipherQueue;
  readonly kernel: CipherKernel;
  readonly operation: Operation;
  /** The same memory as bytes and as native addresses. */
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Where in bounce memory the output waits to be scattered, or -1. */
  readonly scatterFrom: number;
}

/** The messages of one burst. */
export class LongCiphers {
  #waiting: LongCipher[] = [];

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(message: LongMessage): void {
    this.#waiting.push(new LongCipher(message));
  }

  /** Runs all messages; `flush` runs the jobs of all queues. */
  run(flush: () => void): void {
    let left = this.#waiting;
    this.#waiting = [];
    while (left.length > 0) {
      for (const message of left) message.goOn();
      flush();
      left = left.filter(({ isDone }) => !isDone);
    }
  }

  drop(): void {
    this.#waiting = [];
  }
}
