/**
 * What the sessions of a thread share: queues, bounce memory, and single jobs
 * that are run at once.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import type { Segments } from "../../memory/segments.ts";
import type { CipherKernel } from "./ciphers.ts";
import type { HashKernel } from "./hash_kernel.ts";
import { type JobOwner, putLong, WORD } from "./job_table.ts";
import { Bounce, roundUp, segmentAddress } from "./native_memory.ts";
import {
  CipherQueue,
  hasCipherBurst,
  JobQueue,
  type Queue,
  queueKey,
} from "./queues.ts";

export class JobRunner {
  readonly library: IpsecMb;
  /** Jobs of any kind. */
  readonly mixed: JobQueue;
  /** Set by `place`: where a job reads and writes. */
  from = 0;
  to = 0;
  /** Set by `place`: where the output waits to be scattered, or -1. */
  scatterFrom = -1;
  /** Set by `place`: offset of the extra memory. */
  extraAt = 0;
  readonly #bounce = new Bounce();
  readonly #cipherQueues = new Map<number, CipherQueue>();
  readonly #alone: JobQueue;
  readonly #ciphersAlone = new Map<number, CipherQueue>();

  constructor(library: IpsecMb) {
    this.library = library;
    this.mixed = new JobQueue(library);
    this.#alone = new JobQueue(library, 1);
  }

  /** Bounce memory; another one after the next `reserve`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bounce.block.bytes;
  }

  /** Native address of the bounce memory. */
  get address(): number {
    return this.#bounce.block.address;
  }

  /**
   * Offset of `lengthBytes` bytes of bounce memory, valid for one operation.
   * Where they do not fit, all jobs that wait are run first.
   */
  reserve(lengthBytes: number): number {
    const at = this.#bounce.take(lengthBytes);
    if (at >= 0) return at;
    this.flush();
    this.#bounce.restart(lengthBytes);
    return this.#bounce.take(lengthBytes);
  }

  /** Runs all jobs that wait. */
  flush(): void {
    for (const queue of this.#cipherQueues.values()) queue.flush();
    this.mixed.flush();
  }

  /** Drops all jobs that wait, after a failure. */
  abandon(): void {
    for (const queue of this.#cipherQueues.values()) queue.table.drop();
    this.mixed.table.drop();
    this.#alone.table.drop();
    for (const queue of this.#ciphersAlone.values()) queue.table.drop();
    this.#bounce.restart(0);
  }

  /** Ends a burst. */
  finish(): void {
    this.flush();
    this.#bounce.restart(0);
  }

  /**
   * Decides where a job over all of `source` works: where the bytes lie if they
   * are contiguous, else in bounce memory. The job may work in place.
   */
  place(source: Segments, destination: Segments, extraBytes = 0): void {
    const lengthBytes = source.totalBytes;
    let from = source.count === 1 ? segmentAddress(source, 0) : 0;
    let to = destination.count === 1 ? segmentAddress(destination, 0) : 0;
    const gathers = from === 0;
    this.scatterFrom = -1;
    if (gathers || to === 0 || extraBytes > 0) {
      const room = roundUp(lengthBytes, 64);
      const at = this.reserve(room + extraBytes);
      this.extraAt = at + room;
      if (gathers) {
        source.read(0, this.bytes.subarray(at, at + lengthBytes));
        from = this.address + at;
      }
      if (to === 0) {
        to = this.address + at;
        this.scatterFrom = at;
      }
    }
    this.from = from;
    this.to = to;
  }

  /** Where the jobs of `kernel` wait when they are of a cipher only. */
  queueFor(kernel: CipherKernel): Queue {
    if (!hasCipherBurst(kernel.mode)) return this.mixed;
    return this.#cipherQueue(this.#cipherQueues, kernel, undefined);
  }

  #cipherQueue(
    queues: Map<number, CipherQueue>,
    { mode, direction, keyBytes }: CipherKernel,
    slots: number | undefined,
  ): CipherQueue {
    const key = queueKey(mode, direction, keyBytes);
    let queue = queues.get(key);
    if (!queue) {
      queue = new CipherQueue(this.library, mode, direction, keyBytes, slots);
      queues.set(key, queue);
    }
    return queue;
  }

  /** Runs a cipher in place over one job's worth of bounce memory. */
  cipherAlone(
    kernel: CipherKernel,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): boolean {
    const queue = hasCipherBurst(kernel.mode)
      ? this.#cipherQueue(this.#ciphersAlone, kernel, 1)
      : this.#alone;
    const { table } = queue;
    table.take(kernel, undefined);
    table.setIv(0, iv, kernel.ivBytes);
    const address = this.address + at;
    putLong(table.words, WORD.source, address);
    putLong(table.words, WORD.destination, address);
    putLong(table.words, WORD.cipherLength, lengthBytes * kernel.lengthUnit);
    return queue.runAlone();
  }

  /** The digest of one job's worth of bounce memory, or `undefined`. */
  hashAlone(
    kernel: HashKernel,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): Uint8Array<ArrayBuffer> | undefined {
    const { table } = this.#alone;
    table.take(kernel, undefined);
    table.setIv(0, iv, kernel.ivBytes);
    putLong(table.words, WORD.source, this.address + at);
    putLong(table.words, WORD.hashLength, lengthBytes * kernel.lengthUnit);
    return this.#alone.runAlone() ? table.tags[0] : undefined;
  }

  /** Forgets the addresses of keys that are to be wiped. */
  forget(...owners: JobOwner[]): void {
    const queues = [
      this.mixed,
      this.#alone,
      ...this.#cipherQueues.values(),
      ...this.#ciphersAlone.values(),
    ];
    for (const queue of queues) {
      for (const owner of owners) queue.table.forget(owner);
    }
  }

  wipe(): void {
    this.#bounce.wipe();
    for (const queue of this.#cipherQueues.values()) queue.table.wipe();
    for (const queue of this.#ciphersAlone.values()) queue.table.wipe();
    this.mixed.table.wipe();
    this.#alone.table.wipe();
  }
}
