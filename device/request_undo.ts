/**
 * How a data queue that is kept protects requests that write over their own
 * inputs: what they overwrite is written down before they run.
 *
 * @module
 */

import { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import { BurstOverlaps } from "./burst_overlaps.ts";
import type { RequestFormat } from "./request_format.ts";
import { SLOT_WORDS, SlotField } from "./request_slots.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import { RingPositions } from "./ring/ring_positions.ts";
import type { UndoLog } from "./ring/undo_log.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";

/** Where such requests are written down. */
export interface UndoJournal {
  readonly log: UndoLog;
  /** Whether the process before has written down all that it began. */
  readonly isComplete: boolean;
}

/** The requests of one data queue, in the order of its ring. */
export class RequestUndo {
  readonly #log: UndoLog;
  readonly #virtqueue: Virtqueue;
  readonly #memory: GuestMemory;
  readonly #format: RequestFormat;
  readonly #positions: RingPositions;
  readonly #overwritten = new OverwrittenRanges();
  /** What another process has begun: whether that was undone, by position. */
  readonly #begun: Map<number, boolean>;
  readonly #isComplete: boolean;
  /** A request of the burst, and its position. */
  #index = 0;
  #position = 0;

  constructor(
    { log, isComplete }: UndoJournal,
    virtqueue: Virtqueue,
    memory: GuestMemory,
    format: RequestFormat,
  ) {
    this.#log = log;
    this.#virtqueue = virtqueue;
    this.#memory = memory;
    this.#format = format;
    this.#positions = new RingPositions(virtqueue.size, virtqueue.isPacked);
    const begun = log.read();
    this.#begun = new Map(
      (typeof begun === "string" ? [] : begun).map((
        { position, isSaved },
      ) => [position, isSaved]),
    );
    this.#isComplete = isComplete;
  }

  /** Whether nothing more is to be taken before what is out has been shown. */
  get isFull(): boolean {
    return !this.#log.isEmpty && this.#log.isFull;
  }

  /** Bytes that the next requests may have. */
  get roomBytes(): number {
    return this.#log.roomBytes;
  }

  /** A burst of requests is taken from now on. */
  begin(): void {
    this.#index = 0;
    this.#position = this.#virtqueue.base & 0xffff;
  }

  /**
   * Protects those of a burst that are ready to run: `ready` has them in the order of
   * `burst`. `isAgain`: it is one, and another process may have begun it; false: it
   * is to be refused then.
   */
  protect(
    burst: Int32Array,
    ready: Int32Array,
    readyCount: number,
    isAgain: boolean,
  ): boolean {
    const format = this.#format;
    let i = format.nextOverwriting(ready, 0, readyCount);
    while (i < readyCount) {
      if (!this.#protect(burst, ready[i]!, isAgain)) return false;
      i = format.nextOverwriting(ready, i + 1, readyCount);
    }
    return true;
  }

  #protect(burst: Int32Array, slot: number, isAgain: boolean): boolean {
    const overwritten = this.#overwritten;
    this.#format.findOverwritten(slot, overwritten);
    if (!overwritten.any) return true;
    const position = this.#positionOf(burst, slot);
    if (isAgain) {
      const isUndone = this.#begun.get(position);
      if (isUndone === true) return true;
      if (isUndone === false || !this.#isKnown(slot)) return false;
    }
    this.#log.add(position, overwritten, this.#memory);
    return true;
  }

  /** Whether the process before would have written a request down. */
  #isKnown(slot: number): boolean {
    const { burst, words } = this.#format.requests;
    const readsTag = words[SLOT_WORDS * slot + SlotField.ReadsTag] !== 0;
    return this.#isComplete &&
      new BurstOverlaps(burst).overwritesItself(slot, readsTag);
  }

  /** The position of a slot, which is none before the last one asked for. */
  #positionOf(burst: Int32Array, slot: number): number {
    const { ringDescriptors } = this.#virtqueue.slots;
    while (burst[this.#index] !== slot) {
      const descriptors = ringDescriptors[burst[this.#index++]!]!;
      this.#position = this.#positions.after(this.#position, descriptors);
    }
    return this.#position;
  }

  /** Gives up what was written down of requests that the driver has seen. */
  shown(): void {
    if (this.#log.isEmpty) return;
    this.#log.free(this.#positions, this.#virtqueue.shown);
  }
}
