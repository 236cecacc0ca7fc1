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
import type { UndoLog, UndoRecord } from "./ring/undo_log.ts";
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
  /**
   * What another process has begun: the bytes that were put back, -1 where those
   * were not saved, by position.
   */
  readonly #begun: Map<number, number>;
  readonly #isComplete: boolean;
  /** Whether something is written down. */
  hasRecords: boolean;
  /** Whether nothing more is to be taken before what is out has been shown. */
  isFull = false;
  /** Bytes that the next requests may have. */
  roomBytes = 0;

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
        { position, isSaved, ranges },
      ) => [position, isSaved ? bytesOf(ranges) : -1]),
    );
    this.#isComplete = isComplete;
    this.hasRecords = !log.isEmpty;
    this.#look();
  }

  /** Notes how the log stands, which is asked for each burst. */
  #look(): void {
    const log = this.#log;
    this.hasRecords = !log.isEmpty;
    this.isFull = this.hasRecords && log.isFull;
    this.roomBytes = log.roomBytes;
  }

  /**
   * Protects those of a burst that are ready to run: `ready` has them in the order of
   * `burst`, which begins where the ring stood at `base`. `isAgain`: it is one, and
   * another process may have begun it; false: it is to be refused then.
   */
  protect(
    burst: Int32Array,
    base: number,
    ready: Int32Array,
    readyCount: number,
    isAgain: boolean,
  ): boolean {
    const format = this.#format;
    const positions = this.#positions;
    const { ringDescriptors } = this.#virtqueue.slots;
    let isGood = true;
    let position = base & 0xffff;
    let at = 0;
    // Nobody has looked at all of a request that is like the one before.
    let i = isAgain ? 0 : format.nextOverwriting(ready, 0, readyCount);
    while (i < readyCount && isGood) {
      const slot = ready[i]!;
      for (; burst[at] !== slot; at = (at + 1) | 0) {
        position = positions.after(position, ringDescriptors[burst[at]!]!);
      }
      isGood = this.#protect(position, slot, isAgain);
      i = format.nextOverwriting(ready, i + 1, readyCount);
    }
    this.#log.commit();
    this.#look();
    return isGood;
  }

  #protect(position: number, slot: number, isAgain: boolean): boolean {
    const overwritten = this.#overwritten;
    this.#format.findOverwritten(slot, overwritten, isAgain);
    if (!overwritten.any) return true;
    if (isAgain) {
      const savedBytes = this.#begun.get(position);
      if (savedBytes === overwritten.totalBytes) return true;
      if (savedBytes !== undefined || !this.#isKnown(slot)) return false;
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

  /**
   * Gives up what was written down of requests that the driver has seen. `isLast`:
   * none is left that another process has begun.
   */
  shown(isLast: boolean): void {
    const log = this.#log;
    const { shown, base } = this.#virtqueue;
    if (isLast && shown === (base & 0xffff)) log.clear();
    else log.free(this.#positions, shown);
    this.#look();
  }
}

const bytesOf = (ranges: UndoRecord["ranges"]): number =>
  ranges.reduce((sum, { bytes }) => sum + bytes.length, 0);
