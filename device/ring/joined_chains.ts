/**
 * The descriptors of chains some of whose ranges are made of several: results with
 * a digest right behind them, or a buffer in pieces that lie together. Followed by
 * the same loop, chains without such ranges would cost a fifteenth more.
 *
 * @module
 */

import {
  HOME_WORDS,
  RANGE_LENGTH,
  RANGE_NOTE,
  RANGE_OFFSET,
  RANGE_WORDS,
} from "../../memory/range_lists.ts";
import type { ChainSlots } from "./chain_slots.ts";
import type { GuestMemory } from "./guest_memory.ts";
import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
} from "./layout.ts";

// The engine folds constants of a module of its own only.

const NEXT = DESCRIPTOR_NEXT;
const WRITE = DESCRIPTOR_WRITE;
const INDIRECT = DESCRIPTOR_INDIRECT;
const TABLE_FLAGS = INDIRECT | NEXT;
const RANGE = RANGE_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const NOTE = RANGE_NOTE;
const HOME = HOME_WORDS;

/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;

/** Words of a slot's table: its length, or 0, and its window. */
const TABLE_WORDS = 2;
const TABLE_PLACE = 1;

/**
 * With the place of a range that a piece begins: it is never joined to the one
 * before, whose bytes the device reads and not writes.
 */
const APART = 1 << 29;
/** A piece that is joined to the one before. */
const JOINS = -1;

/** Whether a split ring's descriptor is followed by the `next` of `count`, if any. */
export const leadsTo = (tail: number, next: number, count: number): boolean =>
  next === count
    ? (tail & TABLE_FLAGS) === 0
    : (tail & ~WRITE) === (next << 16 | NEXT);

/** By slot, from the word on where its ranges are at home. */
export class JoinedChains {
  /**
   * Four words for each descriptor: the window, where in the block of ranges its
   * range is if it begins one, else -1, its length, and its last word.
   */
  #pieces = new Int32Array(0);
  #tables = new Int32Array(0);
  /** What of `mostBytes` the last call of `follow` has left. */
  leftBytes = 0;
  readonly #memory: GuestMemory;
  readonly #slots: ChainSlots;
  readonly #ring: Int32Array<ArrayBuffer>;
  readonly #packed: boolean;

  constructor(
    memory: GuestMemory,
    slots: ChainSlots,
    ring: Int32Array<ArrayBuffer>,
    packed: boolean,
  ) {
    this.#memory = memory;
    this.#slots = slots;
    this.#ring = ring;
    this.#packed = packed;
  }

  /**
   * Whether the first writable range of a slot begins where the one before ends, be
   * that in another window.
   */
  touch(slot: number): boolean {
    const { lists, readableWords } = this.#slots;
    const { block } = lists;
    const start = HOME_WORDS * slot;
    const at = start + readableWords[slot]!;
    const before = at - RANGE_WORDS;
    return before >= start && at < lists.ends[slot]! &&
      block[before + RANGE_OFFSET]! + block[before + RANGE_LENGTH]! ===
        block[at + RANGE_OFFSET];
  }

  has(slot: number): boolean {
    return (this.#tables[TABLE_WORDS * slot] ?? 0) !== 0;
  }

  forget(slot: number): void {
    if (this.has(slot)) this.#tables[TABLE_WORDS * slot] = 0;
  }

  forgetAll(): void {
    this.#tables.fill(0);
  }

  /**
   * Remembers the chain in a slot, whose table of `descriptors` begins at a word of
   * the window `place`, unless it is, or has become, none that can be repeated.
   */
  remember(
    slot: number,
    descriptors: number,
    place: number,
    tableWord: number,
  ): void {
    if (RANGE * descriptors > HOME) return;
    if (HOME * (slot + 1) > this.#pieces.length) this.#grow();
    const { words } = this.#memory.table[place]!;
    if (!this.#takePieces(slot, descriptors, words!, tableWord)) return;
    this.#tables[TABLE_WORDS * slot] = DESCRIPTOR_BYTES * descriptors;
    this.#tables[TABLE_WORDS * slot + TABLE_PLACE] = place;
  }

  /**
   * Reads the descriptors once more: false where they are not, or no longer, those
   * of the slot's ranges.
   */
  #takePieces(
    slot: number,
    descriptors: number,
    words: Int32Array,
    tableWord: number,
  ): boolean {
    const start = HOME * slot;
    const { lists, readableWords } = this.#slots;
    const { windowLows, windowHighs } = this.#memory;
    const ranges = lists.block;
    const write = this.#packed ? WRITE << 16 : WRITE;
    const writableStart = start + readableWords[slot]!;
    let range = start - RANGE_WORDS;
    let leftBytes = 0;
    let end = -1;
    for (let i = 0; i < descriptors; i++) {
      const word = tableWord + 4 * i;
      const low = words[word]!;
      const high = words[word + 1]!;
      const lengthBytes = words[word + 2]!;
      const tail = words[word + 3]!;
      const joins = leftBytes > 0;
      if (!joins) range += RANGE_WORDS;
      if (range >= lists.ends[slot]!) return false;
      if (!joins) leftBytes = ranges[range + RANGE_LENGTH]!;
      const place = ranges[range]!;
      const offset = (low - windowLows[place]!) | 0;
      if (
        lengthBytes <= 0 || lengthBytes > leftBytes ||
        high !== windowHighs[place] ||
        offset !== (joins ? end : ranges[range + RANGE_OFFSET]) ||
        ((tail & write) !== 0) !== (range >= writableStart) ||
        !this.#packed && !leadsTo(tail, i + 1, descriptors)
      ) return false;
      leftBytes -= lengthBytes;
      end = offset + lengthBytes;
      const apart = range === writableStart ? APART : 0;
      const at = start + RANGE_WORDS * i;
      this.#pieces[at] = place;
      this.#pieces[at + RANGE_OFFSET] = joins ? JOINS : range | apart;
      this.#pieces[at + RANGE_LENGTH] = lengthBytes;
      this.#pieces[at + RANGE_NOTE] = tail;
    }
    return leftBytes === 0 && range + RANGE_WORDS === lists.ends[slot];
  }

  #grow(): void {
    const pieces = this.#pieces;
    const tables = this.#tables;
    this.#pieces = new Int32Array(HOME * this.#slots.count);
    this.#pieces.set(pieces);
    this.#tables = new Int32Array(TABLE_WORDS * this.#slots.count);
    this.#tables.set(tables);
  }

  /** As {@linkcode RepeatedChains.follow}, those of which this remembers the last. */
  follow(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    mostBytes: number,
  ): number {
    const tables = this.#tables;
    const ring = this.#ring;
    const slots = this.#slots;
    const { alike, heads, statusOffsets, readableBytes } = slots;
    const ranges = slots.lists.block;
    const pieces = this.#pieces;
    const { table, windowLows, windowHighs, windowLengths } = this.#memory;
    const packed = this.#packed === true;
    const flagShift = packed ? 16 : 0;
    const noteMask = packed ? WRITE << 16 : -1;
    let place = -1;
    let windowLow = 0;
    let windowHigh = 0;
    let windowBytes = 0;
    let words = ring;
    let left = mostBytes;
    let done = from;
    burst: for (; done < count && left > 0; done = (done + 1) | 0) {
      const slot = chosen[done]! & MASK;
      const tableBytes = tables[TABLE_WORDS * slot];
      if (tableBytes === undefined || tableBytes === 0) break;
      const tablePlace = tables[TABLE_WORDS * slot + TABLE_PLACE]!;
      if (tablePlace !== place) {
        place = tablePlace;
        windowLow = windowLows[place]!;
        windowHigh = windowHighs[place]!;
        windowBytes = windowLengths[place]!;
      }
      const first = firsts[done]! & MASK;
      const tableOffset = (ring[4 * first]! - windowLow) | 0;
      const ringTail = ring[4 * first + 3]!;
      const region = table[place]!.words;
      if (
        ring[4 * first + 2] !== tableBytes ||
        ring[4 * first + 1] !== windowHigh ||
        (ringTail >>> flagShift & TABLE_FLAGS) !== INDIRECT ||
        tableOffset < 0 || tableOffset > ((windowBytes - tableBytes) | 0) ||
        (tableOffset & 3) !== 0 || region === undefined
      ) break;
      words = region;
      let word = tableOffset >>> 2;
      let at = HOME * slot;
      const stop = (at + (tableBytes >> 2)) | 0;
      let end = -1;
      do {
        const wanted = pieces[at]!;
        if (wanted !== place) {
          place = wanted;
          windowLow = windowLows[place]!;
          windowHigh = windowHighs[place]!;
          windowBytes = windowLengths[place]!;
        }
        const offset = (words[word]! - windowLow) | 0;
        const lengthBytes = pieces[at + LENGTH]!;
        const range = pieces[at + OFFSET]!;
        if (
          words[word + 2] !== lengthBytes || words[word + 1] !== windowHigh ||
          ((words[word + 3]! ^ pieces[at + NOTE]!) & noteMask) !== 0 ||
          offset < 0 || offset > ((windowBytes - lengthBytes) | 0) ||
          // It is, or may be, joined to the range before.
          (range < 0 ? offset !== end : offset === end && (range & APART) === 0)
        ) break burst;
        if (range >= 0) ranges[(range & ~APART) + OFFSET] = offset;
        end = (offset + lengthBytes) | 0;
        at = (at + RANGE) & 0x3fffffff;
        word = (word + 4) & 0x3fffffff;
      } while (at < stop);
      alike[slot] = 1;
      heads[slot] = packed ? ringTail & 0xffff : first;
      statusOffsets[slot] = (end - 1) | 0;
      left = (left - readableBytes[slot]!) | 0;
    }
    this.leftBytes = left;
    return done;
  }
}
