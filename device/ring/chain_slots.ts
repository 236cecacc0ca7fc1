/**
 * The chains that a virtqueue has given out, as numbers by slot: a chain is in a
 * slot from `pop` to `push`.
 *
 * @module
 */

import { RangeLists } from "../../memory/range_lists.ts";

/** What is wrong with a chain. */
export const enum ChainFault {
  None = 0,
  /** The structure is intact; a part of the buffer is outside guest memory. */
  Unmapped = 1,
  /**
   * A loop, a bad `next`, a bad indirect table, a readable descriptor after a
   * writable one, or more descriptors or bytes than allowed.
   */
  Malformed = 2,
}

/** Where there is no status byte to write. */
export const NO_STATUS_PLACE = -1;

/**
 * More than any request holds. Lengths stay integers of 32 bits that way, which
 * the engine keeps in registers.
 */
export const MOST_BYTES = 2 ** 31 - 1;

/** Slots of a ring at first: a burst. */
const FIRST_SLOTS = 64;

function grown(old: Int32Array<ArrayBuffer>, slots: number) {
  const numbers = new Int32Array(slots);
  numbers.set(old);
  return numbers;
}

/** Chains by slot. A slot remembers the chain before, to see what is alike. */
export class ChainSlots {
  count = FIRST_SLOTS;
  /** The ranges of each chain, those that are readable first. */
  readonly lists: RangeLists = new RangeLists(FIRST_SLOTS);
  /**
   * Words of each list that are readable ranges; the writable ones follow. Not a
   * place in the block: a list moves while others grow.
   */
  readableWords: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /** Split: index of the first descriptor. Packed: the buffer ID. */
  heads: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /** Descriptors of a chain, those in an indirect table included. */
  descriptorCounts: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /** Packed: descriptors of the ring itself that a chain takes. */
  ringDescriptors: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  faults: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /**
   * 1 where the ranges are as long as those of the chain that was in the slot
   * before, so that what was found out about their lengths holds again. Never
   * where they are too many for the slot's home.
   */
  alike: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /**
   * The last byte of the last writable descriptor of non-zero length: number of
   * its region, or {@linkcode NO_STATUS_PLACE} where there is none or that
   * descriptor is not wholly in guest memory; and its offset.
   */
  statusRegions: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  statusOffsets: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /** Both 0 with a fault, and {@linkcode MOST_BYTES} where it is more. */
  readableBytes: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  writableBytes: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS);
  /** Free slots, of which the first `#freeCount` count. */
  #free = Int32Array.from(
    { length: FIRST_SLOTS },
    (_, i) => FIRST_SLOTS - 1 - i,
  );
  #freeCount = FIRST_SLOTS;

  /** A free slot: that which was given back last. */
  take(): number {
    if (this.#freeCount === 0) this.#addSlots();
    return this.#free[--this.#freeCount]!;
  }

  /** Takes `count` free slots, in the order in which they are taken. */
  takeSome(into: Int32Array<ArrayBuffer>, from: number, count: number): void {
    while (this.#freeCount < count) this.#addSlots();
    const free = this.#free;
    let left = this.#freeCount;
    for (let i = 0; i < count; i++) {
      left = (left - 1) | 0;
      into[from + i] = free[left]!;
    }
    this.#freeCount = left;
  }

  /** The slots whose chains are out. */
  get out(): number[] {
    const free = new Set(this.#free.subarray(0, this.#freeCount));
    return Array.from({ length: this.count }, (_, slot) => slot)
      .filter((slot) => !free.has(slot));
  }

  /** Gives a slot back. */
  giveBack(slot: number): void {
    this.lists.release(slot);
    this.#free[this.#freeCount++] = slot;
  }

  /**
   * Gives back the slots from index `from` to `count`, so that the next are taken
   * in the same order: a request is mostly like the one that was in its place.
   */
  giveBackSome(
    chosen: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
  ): void {
    const { lists } = this;
    if (!lists.areHome) {
      for (let i = from; i < count; i++) lists.release(chosen[i]!);
    }
    const free = this.#free;
    let left = this.#freeCount;
    for (let i = count - 1; i >= from; i--) {
      free[left] = chosen[i]!;
      left = (left + 1) | 0;
    }
    this.#freeCount = left;
  }

  #addSlots(): void {
    const before = this.count;
    const slots = 2 * before;
    this.lists.addSlots(slots);
    this.readableWords = grown(this.readableWords, slots);
    this.heads = grown(this.heads, slots);
    this.descriptorCounts = grown(this.descriptorCounts, slots);
    this.ringDescriptors = grown(this.ringDescriptors, slots);
    this.faults = grown(this.faults, slots);
    this.alike = grown(this.alike, slots);
    this.statusRegions = grown(this.statusRegions, slots);
    this.statusOffsets = grown(this.statusOffsets, slots);
    this.readableBytes = grown(this.readableBytes, slots);
    this.writableBytes = grown(this.writableBytes, slots);
    this.count = slots;
    const free = this.#free.subarray(0, this.#freeCount);
    this.#free = new Int32Array(slots);
    for (let i = 0; i < before; i++) this.#free[i] = slots - 1 - i;
    this.#free.set(free, before);
    this.#freeCount += before;
  }
}
