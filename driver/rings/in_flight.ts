/**
 * What a driver remembers of the requests that the device has.
 *
 * @module
 */

import type { Completion, GuestBuffer } from "./driver_queue.ts";

const NO_BATCH = -1;

/** Requests in flight, by the number that names them in the ring. */
export class InFlight {
  count = 0;
  readonly #tokens: Float64Array;
  /** Descriptors of the ring that each takes; 0: not in flight. */
  readonly #ringDescriptors: Uint16Array;
  readonly #writableBytes: Float64Array;
  /** With IN_ORDER, the numbers in the order in which they were added. */
  readonly #queue: Uint16Array | undefined;
  #front = 0;
  #back = 0;
  /** With IN_ORDER, the last request of the batch that is being taken. */
  #batchEnd = NO_BATCH;
  #batchWrittenBytes = 0;
  readonly #completion: Completion = { token: 0, writtenBytes: 0 };

  constructor(size: number, inOrder: boolean) {
    this.#tokens = new Float64Array(size);
    this.#ringDescriptors = new Uint16Array(size);
    this.#writableBytes = new Float64Array(size);
    this.#queue = inOrder ? new Uint16Array(size) : undefined;
  }

  /** Whether requests remain of a batch that one used entry completed. */
  get inBatch(): boolean {
    return this.#batchEnd !== NO_BATCH;
  }

  has(number: number): boolean {
    return number < this.#ringDescriptors.length &&
      this.#ringDescriptors[number] !== 0;
  }

  ringDescriptors(number: number): number {
    return this.#ringDescriptors[number]!;
  }

  add(
    number: number,
    token: number,
    ringDescriptors: number,
    writable: readonly GuestBuffer[],
  ): void {
    this.count++;
    this.#tokens[number] = token;
    this.#ringDescriptors[number] = ringDescriptors;
    const queue = this.#queue;
    if (!queue) return;
    let writableBytes = 0;
    for (let i = 0; i < writable.length; i++) {
      writableBytes += writable[i]!.lengthBytes;
    }
    this.#writableBytes[number] = writableBytes;
    queue[this.#back] = number;
    this.#back = this.#back + 1 === queue.length ? 0 : this.#back + 1;
  }

  /**
   * Notes a used entry and returns which request is to be taken: `number`, or
   * with IN_ORDER the oldest, as the entry covers all up to `number` (virtio
   * 1.4 §2.7.9, §2.8.8).
   */
  used(number: number, writtenBytes: number): number {
    this.#batchWrittenBytes = writtenBytes;
    if (!this.#queue) return number;
    this.#batchEnd = number;
    return this.#queue[this.#front]!;
  }

  /** The next request of the batch. */
  get nextInBatch(): number {
    return this.#queue![this.#front]!;
  }

  /** Forgets a request and says what became of it. */
  remove(number: number): Completion {
    this.count--;
    this.#ringDescriptors[number] = 0;
    this.#completion.token = this.#tokens[number]!;
    this.#completion.writtenBytes = this.#batchWrittenBytes;
    const queue = this.#queue;
    if (!queue) return this.#completion;
    this.#front = this.#front + 1 === queue.length ? 0 : this.#front + 1;
    if (number === this.#batchEnd) this.#batchEnd = NO_BATCH;
    // Requests that were skipped have been used completely.
    else this.#completion.writtenBytes = this.#writableBytes[number]!;
    return this.#completion;
  }
}
