/**
 * The undo logs of a guest's data rings (`undo_log.ts`), in a memory of their own
 * that outlives the process. It holds what lies in the guest's memory anyway, and no
 * key, so that it is not locked: a process may lock little, which is for keys. No
 * core dump contains it. Pages are taken when they are first written.
 *
 * Little-endian words of 64 bits: magic number, how many rings, bytes of each; then,
 * from 4096 on, the logs.
 *
 * @module
 */

import {
  closeKeptMemory,
  createDumplessMemory,
  type KeptMemory,
  openUnlockedMemory,
} from "../../../ffi/kept_memory.ts";
import type { Libc } from "../../../ffi/libc.ts";
import { MOST_UNDO_BYTES } from "../../ring/undo_log.ts";
import { KeptWords } from "../../state/kept_words.ts";
import { MAX_RINGS } from "./front_end_record.ts";
import type { UndoPlace } from "./journal_place.ts";

/** "vdcundo" in ASCII, from its end. */
const MAGIC = Number(0x6f_646e_7563_6476n & (2n ** 53n - 1n));
const MAGIC_WORD = 0;
const RINGS = 1;
const RING_BYTES = 2;
const LOGS_AT = 4096;

/** Of a guest, for all of its rings, … */
const GUEST_BYTES = 4 * 1024 * 1024;
/** … and of each ring at least, unless the process has given out too much. */
const RING_LEAST_BYTES = 512 * 1024;
const RING_SHORT_BYTES = 64 * 1024;
/** Of a process, if each guest used all that it may. */
const PROCESS_BYTES = 8 * 1024 * 1024 * 1024;

/** What the guests of one process may take together. */
export class UndoPool {
  #leftBytes: number;

  constructor(bytes = PROCESS_BYTES) {
    this.#leftBytes = bytes;
  }

  /** The bytes of each log of a guest with so many rings, which are taken. */
  take(rings: number): number {
    const wanted = Math.max(GUEST_BYTES / rings, RING_LEAST_BYTES);
    const ringBytes = wanted * rings <= this.#leftBytes
      ? Math.floor(wanted / 4096) * 4096
      : RING_SHORT_BYTES;
    this.#leftBytes -= ringBytes * rings;
    return ringBytes;
  }

  /** Takes what a guest has already; a negative number gives it back. */
  takeBytes(bytes: number): void {
    this.#leftBytes -= bytes;
  }
}

/** The undo logs of one guest. */
export class KeptUndo {
  readonly #libc: Libc;
  readonly #memory: KeptMemory;
  readonly #pool: UndoPool;
  readonly #rings: number;
  readonly #ringBytes: number;
  readonly #isComplete: boolean;

  private constructor(
    libc: Libc,
    memory: KeptMemory,
    pool: UndoPool,
    isComplete: boolean,
  ) {
    this.#libc = libc;
    this.#memory = memory;
    this.#pool = pool;
    const words = wordsOf(memory);
    this.#rings = words.get(RINGS);
    this.#ringBytes = words.get(RING_BYTES);
    this.#isComplete = isComplete;
  }

  /**
   * Makes logs without a record; negative where there is no memory. `isComplete`:
   * nothing has run before.
   */
  static create(
    libc: Libc,
    name: string,
    rings: number,
    pool: UndoPool,
    isComplete: boolean,
  ): KeptUndo | number {
    const ringBytes = pool.take(rings);
    const bytes = ringBytes * rings;
    const memory = createDumplessMemory(libc, name, LOGS_AT + bytes);
    if (typeof memory === "number") {
      pool.takeBytes(-bytes);
      return memory;
    }
    const words = wordsOf(memory);
    words.set(MAGIC_WORD, MAGIC);
    words.set(RINGS, rings);
    words.set(RING_BYTES, ringBytes);
    return new KeptUndo(libc, memory, pool, isComplete);
  }

  /**
   * Takes over what the process before has left; a string says why that is
   * impossible, and then the descriptor stays the caller's.
   */
  static takeOver(libc: Libc, fd: number, pool: UndoPool): KeptUndo | string {
    const memory = openUnlockedMemory(libc, fd);
    if (typeof memory === "number") {
      return `its undo logs cannot be mapped: ${libc.describe(memory)}`;
    }
    const { length } = memory.region.bytes;
    const problem = length < LOGS_AT
      ? `undo logs of ${length} bytes`
      : layoutProblem(wordsOf(memory), length);
    if (problem !== undefined) {
      libc.unmap(memory.mapping);
      return problem;
    }
    const kept = new KeptUndo(libc, memory, pool, true);
    pool.takeBytes(kept.#bytes);
    return kept;
  }

  get fd(): number {
    return this.#memory.fd;
  }

  get #bytes(): number {
    return this.#rings * this.#ringBytes;
  }

  /** Where a data ring has its log. */
  placeOf(ring: number): UndoPlace | undefined {
    if (ring >= this.#rings) return undefined;
    const { address } = this.#memory.mapping;
    return {
      address: address + LOGS_AT + ring * this.#ringBytes,
      lengthBytes: this.#ringBytes,
      isComplete: this.#isComplete,
    };
  }

  /** Lets go of the memory; no ring may write to it any more. */
  close(): void {
    this.letGo(false);
  }

  /** The same where the descriptor may be the caller's. */
  letGo(isCallers: boolean): void {
    this.#pool.takeBytes(-this.#bytes);
    if (isCallers) this.#libc.unmap(this.#memory.mapping);
    else closeKeptMemory(this.#libc, this.#memory);
  }
}

const wordsOf = ({ region }: KeptMemory): KeptWords =>
  new KeptWords(region.bytes.subarray(0, LOGS_AT));

function layoutProblem(words: KeptWords, length: number): string | undefined {
  if (words.get(MAGIC_WORD) !== MAGIC) return "no undo logs";
  const rings = words.get(RINGS);
  const ringBytes = words.get(RING_BYTES);
  return rings >= 1 && rings <= MAX_RINGS && ringBytes >= RING_SHORT_BYTES &&
      ringBytes <= MOST_UNDO_BYTES && ringBytes % 4096 === 0 &&
      rings * ringBytes <= length - LOGS_AT
    ? undefined
    : `undo logs of ${rings} times ${ringBytes} bytes`;
}
