/**
 * Chains like the one before in their slot: one indirect table whose descriptors
 * follow each other, or as many descriptors of a split ring itself, with the same
 * lengths and flags, in the same windows. They are followed with all answers of
 * the walk guessed, at a fraction of its cost.
 *
 * One loop over the chains of a burst, and no call in it: what the engine finds
 * out before the loop about arrays and fields then holds for all of them.
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
import { JoinedChains, leadsTo } from "./joined_chains.ts";
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

/** Of the last word of a split ring's descriptor. */
const FLAGS = 0xffff;

/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;

/** Words of what is remembered of a slot. */
const SHAPE_WORDS = 2;
/**
 * Length of the table; of a chain without one, minus as many as it has descriptors;
 * 0: there is nothing to repeat.
 */
const TABLE_BYTES = 0;
/** The window that it was in. */
const TABLE_PLACE = 1;

/** What the slots of one ring remember. */
export class RepeatedChains {
  /** What of `mostBytes` the last call of `follow` has left. */
  leftBytes = 0;
  readonly #memory: GuestMemory;
  readonly #slots: ChainSlots;
  readonly #ring: Int32Array<ArrayBuffer>;
  readonly #packed: boolean;
  readonly #joined: JoinedChains;
  #shapes: Int32Array<ArrayBuffer>;

  /** `ring` is the descriptor area. */
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
    this.#joined = new JoinedChains(memory, slots, ring, packed);
    this.#shapes = new Int32Array(SHAPE_WORDS * slots.count);
  }

  /** Whether there is something that a chain in the slot can be like. */
  has(slot: number): boolean {
    const shapes = this.#shapes;
    const at = SHAPE_WORDS * slot;
    return (at < shapes.length && shapes[at + TABLE_BYTES] !== 0) ||
      this.#joined.has(slot);
  }

  /**
   * Remembers the chain in a slot, which is at home there and had a table of
   * `descriptors` in the window `place`, at a word of that, where another can be
   * like it: each descriptor is a range, and noted with it, or a part of one.
   */
  remember(
    slot: number,
    descriptors: number,
    place: number,
    tableWord: number,
  ): void {
    const { lists } = this.#slots;
    const start = HOME * slot;
    const end = lists.ends[slot]!;
    if (!this.#areRanges(slot, descriptors) || this.#joined.touch(slot)) {
      this.forget(slot);
      return this.#joined.remember(slot, descriptors, place, tableWord);
    }
    const ranges = lists.block;
    for (let at = start; at < end && !this.#packed; at += RANGE) {
      const next = (at - start) / RANGE + 1;
      const tail = ranges[at + NOTE]!;
      if (!leadsTo(tail, next, descriptors)) return this.forget(slot);
    }
    this.#note(slot, DESCRIPTOR_BYTES * descriptors, place);
  }

  /** The same for `descriptors` of a split ring. */
  rememberDirect(slot: number, descriptors: number): void {
    if (!this.#areRanges(slot, descriptors) || !this.#endsWithLast(slot)) {
      return this.forget(slot);
    }
    this.#note(slot, -descriptors, 0);
  }

  /**
   * Whether a chain goes on behind each of its ranges but the last, by the flags
   * noted with them: one descriptor may be two ranges, and two may be one.
   */
  #endsWithLast(slot: number): boolean {
    const { block, ends } = this.#slots.lists;
    const last = ends[slot]! - RANGE;
    for (let at = HOME * slot; at <= last; at += RANGE) {
      const goesOn = (block[at + NOTE]! & NEXT) !== 0;
      if (goesOn === (at === last)) return false;
    }
    return true;
  }

  /** Whether each descriptor of a chain is a range. */
  #areRanges(slot: number, descriptors: number): boolean {
    const words = this.#slots.lists.ends[slot]! - HOME * slot;
    return words === RANGE * descriptors;
  }

  #note(slot: number, tableBytes: number, place: number): void {
    this.#joined.forget(slot);
    if (SHAPE_WORDS * slot >= this.#shapes.length) this.#grow();
    const at = SHAPE_WORDS * slot;
    this.#shapes[at + TABLE_BYTES] = tableBytes;
    this.#shapes[at + TABLE_PLACE] = place;
  }

  #grow(): void {
    const before = this.#shapes;
    this.#shapes = new Int32Array(SHAPE_WORDS * this.#slots.count);
    this.#shapes.set(before);
  }

  forget(slot: number): void {
    const at = SHAPE_WORDS * slot;
    if (at < this.#shapes.length) this.#shapes[at + TABLE_BYTES] = 0;
    this.#joined.forget(slot);
  }

  forgetAll(): void {
    this.#shapes.fill(0);
    this.#joined.forgetAll();
  }

  /**
   * Follows the chains that start with the descriptors `firsts` into the slots
   * `chosen`, from index `from` up to `count`, as long as each is like the one
   * before in its slot and there are `mostBytes` left. Returns the index of the
   * first that it has left to the walk.
   */
  follow(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    mostBytes: number,
  ): number {
    const tableBytes = this.#shapes[SHAPE_WORDS * chosen[from]!] ?? 0;
    if (tableBytes < 0) {
      return this.#followDirect(chosen, firsts, from, count, mostBytes);
    }
    if (tableBytes > 0) {
      return this.#followTables(chosen, firsts, from, count, mostBytes);
    }
    const joined = this.#joined;
    const done = joined.follow(chosen, firsts, from, count, mostBytes);
    this.leftBytes = joined.leftBytes;
    return done;
  }

  #followTables(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    mostBytes: number,
  ): number {
    const shapes = this.#shapes;
    const ring = this.#ring;
    const slots = this.#slots;
    const { alike, heads, statusOffsets, readableBytes } = slots;
    const ranges = slots.lists.block;
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
      const tableBytes = shapes[SHAPE_WORDS * slot];
      if (tableBytes === undefined || tableBytes <= 0) break;
      const tablePlace = shapes[SHAPE_WORDS * slot + TABLE_PLACE]!;
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
        const wanted = ranges[at]!;
        if (wanted !== place) {
          place = wanted;
          windowLow = windowLows[place]!;
          windowHigh = windowHighs[place]!;
          windowBytes = windowLengths[place]!;
        }
        const offset = (words[word]! - windowLow) | 0;
        const lengthBytes = ranges[at + LENGTH]!;
        if (
          words[word + 2] !== lengthBytes || words[word + 1] !== windowHigh ||
          ((words[word + 3]! ^ ranges[at + NOTE]!) & noteMask) !== 0 ||
          offset < 0 || offset > ((windowBytes - lengthBytes) | 0) ||
          // It may be joined to the range before.
          offset === end
        ) break burst;
        ranges[at + OFFSET] = offset;
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

  /** Those of a split ring whose descriptors are all in the ring. */
  #followDirect(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    mostBytes: number,
  ): number {
    const shapes = this.#shapes;
    const ring = this.#ring;
    const slots = this.#slots;
    const { alike, heads, statusOffsets, readableBytes } = slots;
    const ranges = slots.lists.block;
    const { windowLows, windowHighs, windowLengths } = this.#memory;
    const ringEnd = ring.length;
    let place = -1;
    let windowLow = 0;
    let windowHigh = 0;
    let windowBytes = 0;
    let left = mostBytes;
    let done = from;
    burst: for (; done < count && left > 0; done = (done + 1) | 0) {
      const slot = chosen[done]! & MASK;
      const descriptors = shapes[SHAPE_WORDS * slot];
      if (descriptors === undefined || descriptors >= 0) break;
      const first = firsts[done]! & MASK;
      let word = first << 2;
      let at = HOME * slot;
      const stop = (at - RANGE * descriptors) | 0;
      let end = -1;
      do {
        const wanted = ranges[at]!;
        if (wanted !== place) {
          place = wanted;
          windowLow = windowLows[place]!;
          windowHigh = windowHighs[place]!;
          windowBytes = windowLengths[place]!;
        }
        if (word >= ringEnd) break burst;
        const offset = (ring[word]! - windowLow) | 0;
        const lengthBytes = ranges[at + LENGTH]!;
        const tail = ring[word + 3]!;
        if (
          ring[word + 2] !== lengthBytes || ring[word + 1] !== windowHigh ||
          ((tail ^ ranges[at + NOTE]!) & FLAGS) !== 0 ||
          offset < 0 || offset > ((windowBytes - lengthBytes) | 0) ||
          // It may be joined to the range before.
          offset === end
        ) break burst;
        ranges[at + OFFSET] = offset;
        end = (offset + lengthBytes) | 0;
        at = (at + RANGE) & 0x3fffffff;
        word = tail >>> 16 << 2;
      } while (at < stop);
      alike[slot] = 1;
      heads[slot] = first;
      statusOffsets[slot] = (end - 1) | 0;
      left = (left - readableBytes[slot]!) | 0;
    }
    this.leftBytes = left;
    return done;
  }
}
