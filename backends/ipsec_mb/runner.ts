/**
 * What the sessions of a thread share: queues, bounce memory, and single jobs
 * that are run at once.
 *
 * @module
 */

import { IpsecMb } from "../../ffi/ipsec_mb.ts";
import { CipherDirection, CipherMode } from "../../ffi/ipsec_mb_layout.ts";
import type { Segments } from "../../memory/segments.ts";
import { CipherQueue } from "./cipher_queue.ts";
import type { CipherKernel } from "./ciphers.ts";
import type { HashKernel } from "./hash_kernel.ts";
import { HashManagers, hasInstructions } from "./hash_managers.ts";
import { JobQueue } from "./job_queue.ts";
import { hashesInBursts, JobSteps } from "./job_steps.ts";
import { type JobOwner, type JobTable, putLong, WORD } from "./job_table.ts";
import type { LoneCipher } from "./lone_jobs.ts";
import { LongCiphers } from "./long_ciphers.ts";
import { ManagerRing } from "./manager_ring.ts";
import { Bounce, roundUp, segmentAddress } from "./native_memory.ts";

/** What the library enciphers in bursts, in every version. */
const hasBursts = ({ mode }: LoneCipher): boolean =>
  mode === CipherMode.CBC || mode === CipherMode.CNTR;

export class JobRunner {
  readonly library: IpsecMb;
  /** Jobs of any kind. */
  readonly mixed: JobQueue;
  /** Jobs of one hash each and of one cipher or none, by what these are. */
  readonly #hashQueues = new Map<number, JobQueue>();
  /** Opened for the first hash that its manager has instructions for. */
  #shaLibrary: IpsecMb | undefined;
  /** Set by `place`: where a job reads and writes. */
  from = 0;
  to = 0;
  /** Set by `place`: where the output waits to be scattered, or -1. */
  scatterFrom = -1;
  /** Set by `place`: offset of the extra memory. */
  extraAt = 0;
  /** Messages that are longer than a job. */
  readonly longCiphers = new LongCiphers();
  /** Jobs of ciphers only; a session has the number of its queue, from 1. */
  readonly cipherQueues: CipherQueue[] = [];
  readonly #cipherQueueNumbers = new Map<number, number>();
  readonly #bounce = new Bounce();
  readonly #alone: JobQueue;
  readonly #flushQueues = () => {
    for (const queue of this.cipherQueues) queue.flush();
    this.mixed.flush();
    for (const queue of this.#hashQueues.values()) queue.flush();
  };

  constructor(library: IpsecMb) {
    this.library = library;
    const ring = new ManagerRing(library);
    this.mixed = new JobQueue(ring);
    this.#alone = new JobQueue(ring, 1);
  }

  /** Bounce memory; another one after the next `reserve`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bounce.block.bytes;
  }

  /** Native address of the bounce memory. */
  get address(): number {
    return this.#bounce.block.address;
  }

  /** The bytes at an address in the bounce memory. */
  bytesAt(address: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const start = address - this.address;
    return this.bytes.subarray(start, start + lengthBytes);
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
    this.#flushQueues();
    // A hash that has ended may begin a cipher.
    while (this.longCiphers.isWaiting) {
      this.longCiphers.run(this.#flushQueues);
    }
  }

  /** Drops all jobs that wait, after a failure. */
  abandon(): void {
    for (const queue of this.cipherQueues) queue.drop();
    this.longCiphers.drop();
    for (const table of this.#tables()) table.drop();
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

  /**
   * Number of the queue where the jobs of `kernel` wait when they are of a cipher
   * only; 0: that is `mixed`.
   */
  cipherQueueOf(kernel: LoneCipher): number {
    const { mode, direction, keyBytes } = kernel;
    if (!hasBursts(kernel)) return 0;
    // Deciphering in counter mode is enciphering.
    const way = mode === CipherMode.CNTR ? CipherDirection.ENCRYPT : direction;
    const key = mode << 16 | way << 8 | keyBytes;
    const known = this.#cipherQueueNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.cipherQueues.push(
      new CipherQueue(this.library, kernel),
    );
    this.#cipherQueueNumbers.set(key, number);
    return number;
  }

  /**
   * Where jobs wait that hash by `hash` and, if it is given, encipher by `cipher`:
   * `mixed`, or a queue whose jobs are all alike in that.
   */
  queueOf(
    hash: HashKernel,
    cipher?: CipherKernel,
    hashesFirst = false,
  ): JobQueue {
    const { algorithm } = hash;
    const { library } = this;
    const isInSteps = algorithm !== undefined && hashesInBursts(algorithm) &&
      (!cipher || hasBursts(cipher));
    const isInRing = algorithm !== undefined && !isInSteps && !cipher &&
      hasInstructions(library, algorithm);
    if (!isInSteps && !isInRing) return this.mixed;
    const { mode = 0, direction = 0, keyBytes = 0 } = cipher ?? {};
    const key = algorithm << 24 | (hashesFirst ? 1 << 20 : 0) | mode << 16 |
      direction << 8 | keyBytes;
    const known = this.#hashQueues.get(key);
    if (known) return known;
    const shaLibrary = hasInstructions(library, algorithm)
      ? this.#shaLibrary ??= new IpsecMb(library.path, true)
      : undefined;
    const managers = new HashManagers(library, shaLibrary, algorithm);
    const queue = new JobQueue(
      isInSteps
        ? new JobSteps(library, managers, {
          cipher: cipher && { mode, direction, keyBytes },
          hash: algorithm,
          hashesFirst,
        })
        : new ManagerRing(library, managers),
    );
    this.#hashQueues.set(key, queue);
    return queue;
  }

  /** Runs a cipher in place over one job's worth of bounce memory. */
  cipherAlone(
    kernel: LoneCipher,
    at: number,
    lengthBytes: number,
    iv: Uint8Array,
  ): boolean {
    const address = this.address + at;
    const queue = this.cipherQueueOf(kernel);
    if (queue > 0) {
      return this.cipherQueues[queue - 1]!.runAlone(
        kernel,
        address,
        lengthBytes,
        iv,
      );
    }
    const { table } = this.#alone;
    table.take(kernel, undefined);
    table.setIv(0, iv, kernel.ivBytes);
    putLong(table.words, WORD.source, address);
    putLong(table.words, WORD.destination, address);
    putLong(table.words, WORD.cipherLength, lengthBytes * kernel.lengthUnit);
    return this.#alone.runAlone();
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
    for (const owner of owners) {
      for (const table of this.#tables()) table.forget(owner);
      for (const queue of this.cipherQueues) queue.forget(owner.template.words);
    }
  }

  wipe(): void {
    this.#bounce.wipe();
    for (const queue of this.cipherQueues) queue.wipe();
    for (const table of this.#tables()) table.wipe();
  }

  *#tables(): Iterable<JobTable> {
    yield this.mixed.table;
    yield this.#alone.table;
    for (const { table } of this.#hashQueues.values()) yield table;
  }

  /** Wipes what is left of keys and gives all but the library back. */
  close(): void {
    this.wipe();
    this.#shaLibrary?.close();
    this.#shaLibrary = undefined;
  }
}
