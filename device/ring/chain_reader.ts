/**
 * Follows the descriptors of one chain, of either ring format, and finds out
 * where in this process its ranges are. Each descriptor is read once.
 *
 * One long function: the state of a chain is in its variables, since fields and
 * calls would cost more than the work itself.
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
import type { Region } from "../../memory/region.ts";
import {
  ChainFault,
  type ChainSlots,
  MOST_BYTES,
  NO_STATUS_PLACE,
} from "./chain_slots.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { IndirectTable } from "./indirect_table.ts";
import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
} from "./layout.ts";
import { RepeatedChains } from "./repeated_chains.ts";

// The engine folds constants of a module of its own only.
const NEXT = DESCRIPTOR_NEXT;
const WRITE = DESCRIPTOR_WRITE;
const INDIRECT = DESCRIPTOR_INDIRECT;
const RANGE = RANGE_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const NOTE = RANGE_NOTE;
const HOME = HOME_WORDS;

const TWO_TO_32 = 0x1_0000_0000;
/** Most descriptors of an indirect table: as many as `next` can number. */
const MAX_TABLE_DESCRIPTORS = 65536;
const NO_RANGES = -1;

/** Reads the chains of one ring into slots. */
export class ChainReader {
  readonly #memory: GuestMemory;
  readonly #slots: ChainSlots;
  /** What of `mostBytes` is left. */
  leftBytes = 0;
  readonly #ring: Int32Array<ArrayBuffer>;
  readonly #size: number;
  readonly #packed: boolean;
  /** The regions that ranges number, and the block that they are in. */
  #regions: readonly Region[];
  #generation = 0;
  /** By slot: where its last ranges ended, if at home; words of the readable. */
  #lastEnds: Int32Array;
  #lastReadableWords: Int32Array;
  /** The window of guest memory that was hit last. */
  #windowLow = 0;
  #windowHigh = 0;
  #windowBytes = 0;
  #place = 0;
  /** An indirect table that is not in that window. */
  readonly #table: IndirectTable;
  readonly #repeated: RepeatedChains;

  /** `ring` is the descriptor area. */
  constructor(
    memory: GuestMemory,
    slots: ChainSlots,
    ring: Int32Array<ArrayBuffer>,
    size: number,
    packed: boolean,
  ) {
    this.#memory = memory;
    this.#slots = slots;
    this.#ring = ring;
    this.#size = size;
    this.#packed = packed;
    this.#regions = memory.table;
    this.#lastEnds = new Int32Array(slots.count).fill(NO_RANGES);
    this.#lastReadableWords = new Int32Array(slots.count);
    this.#table = new IndirectTable(memory);
    this.#repeated = new RepeatedChains(memory, slots, ring, packed);
  }

  /**
   * Follows the chains of a split ring that start with the descriptors `firsts`
   * into the slots `chosen`, until there are `mostBytes` to be read; returns how
   * many.
   */
  followAll(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    count: number,
    mostBytes: number,
  ): number {
    const repeated = this.#repeated;
    let left = mostBytes;
    let done = 0;
    while (done < count && left > 0) {
      const slot = chosen[done]!;
      if (repeated.has(slot)) {
        const before = done;
        done = this.followAlike(chosen, firsts, done, count, left);
        left = this.leftBytes;
        if (done > before) continue;
      }
      const first = firsts[done++]!;
      this.#slots.heads[slot] = first;
      this.follow(slot, first, 0);
      left -= this.#slots.readableBytes[slot]!;
    }
    this.leftBytes = left;
    return done;
  }

  /** Follows those that are like the ones before, as {@linkcode RepeatedChains}. */
  followAlike(
    chosen: Int32Array<ArrayBuffer>,
    firsts: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
    mostBytes: number,
  ): number {
    this.#refresh();
    const done = this.#repeated.follow(chosen, firsts, from, count, mostBytes);
    this.leftBytes = this.#repeated.leftBytes;
    return done;
  }

  /**
   * Follows the chain that starts with descriptor `first` of the ring into
   * `slot`; what is wrong with it becomes the slot's fault. A packed list takes
   * `room` descriptors at most, and false tells of one that has no end: it
   * leaves the ring without meaning.
   */
  follow(slot: number, first: number, room: number): boolean {
    const slots = this.#slots;
    const { lists } = slots;
    const memory = this.#memory;
    const { table } = memory;
    this.#refresh();
    const packed = this.#packed;
    const flagShift = packed ? 16 : 0;
    let ranges = lists.block;
    let start = lists.starts[slot]!;
    let roomEnd = start + HOME;
    let at = start;
    let writableStart = NO_RANGES;
    /** Where the range before ends, or -1 where none can join it. */
    let end = -1;
    /** How long the range before is so far. */
    let rangeBytes = 0;
    let alike = 1;
    let windowLow = this.#windowLow;
    let windowHigh = this.#windowHigh;
    let windowBytes = this.#windowBytes;
    let place = this.#place;
    let unmappedBytes = 0;
    /** Whether the last writable descriptor is not wholly in memory. */
    let statusIsLost = false;
    let words = this.#ring;
    let base = 0;
    let count = this.#size;
    let limit = packed ? room : count;
    let index = first;
    let taken = 0;
    let inTable = false;
    let tablePlace = 0;
    /** The last word of the last descriptor of the ring itself. */
    let ringTail = 0;
    let fault = ChainFault.None;
    for (;;) {
      const word = base + (index << 2);
      let low = words[word]!;
      let high = words[word + 1]!;
      const lengthBytes = words[word + 2]! >>> 0;
      const tail = words[word + 3]!;
      const flags = tail >>> flagShift;
      if (!inTable) ringTail = tail;
      if ((flags & INDIRECT) !== 0 && !(inTable && packed)) {
        count = lengthBytes >>> 4;
        if (
          inTable || (flags & NEXT) !== 0 ||
          // §2.8.5: a list has direct descriptors or is one indirect descriptor.
          (packed && taken > 0) ||
          count === 0 || count > MAX_TABLE_DESCRIPTORS ||
          (lengthBytes & DESCRIPTOR_BYTES - 1) !== 0
        ) {
          fault = ChainFault.Malformed;
          break;
        }
        const offset = (low - windowLow) >>> 0;
        const windowWords = high === windowHigh && offset < windowBytes &&
            lengthBytes <= windowBytes - offset && (offset & 3) === 0
          ? table[place]!.words
          : undefined;
        if (windowWords !== undefined) {
          words = windowWords;
          base = offset >>> 2;
          tablePlace = place;
        } else if (this.#table.find(low, high, lengthBytes)) {
          words = this.#table.words;
          base = this.#table.word;
          tablePlace = this.#table.place;
        } else {
          fault = ChainFault.Malformed;
          break;
        }
        limit = taken + count;
        index = 0;
        inTable = true;
        continue;
      }
      taken++;
      if ((flags & WRITE) !== 0) {
        if (writableStart < 0) {
          writableStart = at;
          end = -1;
        }
      } else if (writableStart >= 0) {
        fault = ChainFault.Malformed;
        break;
      }
      // Mostly one turn; more where the range lies in several windows.
      let left = lengthBytes;
      while (left !== 0) {
        const offset = (low - windowLow) >>> 0;
        if (high !== windowHigh || offset >= windowBytes) {
          if (!memory.find((high >>> 0) * TWO_TO_32 + (low >>> 0))) break;
          windowLow = memory.hitLow;
          windowHigh = memory.hitHigh;
          windowBytes = memory.hitBytes;
          place = memory.hit;
          end = -1;
          continue;
        }
        const windowLeft = windowBytes - offset;
        const piece = left < windowLeft ? left : windowLeft;
        if (offset === end) rangeBytes += piece;
        else {
          if (at !== start && ranges[at - RANGE + LENGTH] !== rangeBytes) {
            ranges[at - RANGE + LENGTH] = rangeBytes;
            alike = 0;
          }
          if (at === roomEnd) {
            at = lists.makeRoom(slot, at);
            const moved = lists.starts[slot]! - start;
            ranges = lists.block;
            start += moved;
            if (writableStart >= 0) writableStart += moved;
            roomEnd = lists.roomEnd(slot);
            alike = 0;
          }
          ranges[at] = place;
          ranges[at + OFFSET] = offset;
          ranges[at + NOTE] = tail;
          at += RANGE;
          rangeBytes = piece;
        }
        end = offset + piece;
        left = (left - piece) >>> 0;
        if (left === 0) break;
        // Windows do not reach across 4 GiB, so this is where the carry is.
        low = (low + piece) | 0;
        if (low === 0) high = (high + 1) | 0;
      }
      if (left !== 0) {
        unmappedBytes += left;
        statusIsLost = true;
        end = -1;
      } else if (statusIsLost && lengthBytes !== 0) statusIsLost = false;
      if (packed) {
        if (inTable) {
          // §2.8.7: in a table, descriptors follow each other.
          if (taken === limit) break;
          index++;
          continue;
        }
        if ((flags & NEXT) === 0) break;
        if (taken === limit) return false;
        index = index + 1 === count ? 0 : index + 1;
        continue;
      }
      if ((flags & NEXT) === 0) break;
      index = tail >>> 16;
      // A chain longer than its table has a loop.
      if (index >= count || taken === limit) {
        fault = ChainFault.Malformed;
        break;
      }
    }
    this.#windowLow = windowLow;
    this.#windowHigh = windowHigh;
    this.#windowBytes = windowBytes;
    this.#place = place;
    slots.descriptorCounts[slot] = taken;
    if (packed) {
      slots.ringDescriptors[slot] = inTable ? 1 : taken;
      slots.heads[slot] = ringTail & 0xffff;
    }
    if (fault !== ChainFault.None) {
      this.#reject(slot, fault);
      return !packed || inTable ||
        this.#skipList(slot, first, index, ringTail, room);
    }
    if (at !== start && ranges[at - RANGE + LENGTH] !== rangeBytes) {
      ranges[at - RANGE + LENGTH] = rangeBytes;
      alike = 0;
    }
    if (writableStart < 0) writableStart = at;
    const readableWords = writableStart - start;
    slots.readableWords[slot] = readableWords;
    if (
      alike !== 0 && unmappedBytes === 0 && this.#lastEnds[slot] === at &&
      this.#lastReadableWords[slot] === readableWords
    ) {
      slots.alike[slot] = 1;
      if (writableStart !== at) {
        slots.statusRegions[slot] = place;
        slots.statusOffsets[slot] = end - 1;
      }
      this.#remember(slot, inTable, limit, taken, tablePlace, base);
      return true;
    }
    lists.close(slot, at);
    const hasStatus = writableStart !== at && !statusIsLost;
    slots.statusRegions[slot] = hasStatus ? place : NO_STATUS_PLACE;
    slots.statusOffsets[slot] = end - 1;
    this.#shape(slot, unmappedBytes);
    this.#remember(slot, inTable, limit, taken, tablePlace, base);
    return true;
  }

  /**
   * What is remembered is at home in its slot, and takes all of its table or has
   * none, in a split ring.
   */
  #remember(
    slot: number,
    inTable: boolean,
    limit: number,
    taken: number,
    tablePlace: number,
    tableWord: number,
  ): void {
    const isHome = this.#lastEnds[slot]! > HOME * slot;
    if (isHome && inTable && taken === limit && tablePlace >= 0) {
      this.#repeated.remember(slot, taken, tablePlace, tableWord);
    } else if (isHome && !inTable && !this.#packed) {
      this.#repeated.rememberDirect(slot, taken);
    } else this.#repeated.forget(slot);
  }

  /** Notes how long the two parts of a chain are, or what is wrong with it. */
  #shape(slot: number, unmappedBytes: number): void {
    const slots = this.#slots;
    const { block, starts, ends } = slots.lists;
    const start = starts[slot]!;
    const readableWords = slots.readableWords[slot]!;
    const writableStart = start + readableWords;
    const end = ends[slot]!;
    const readableBytes = sumOfLengths(block, start, writableStart);
    const writableBytes = sumOfLengths(block, writableStart, end);
    const totalBytes = readableBytes + writableBytes + unmappedBytes;
    // virtio 1.4 §2.7.5: no chain is longer than 2^32 bytes.
    if (totalBytes > TWO_TO_32) {
      this.#reject(slot, ChainFault.Malformed);
      return;
    }
    if (unmappedBytes > 0) {
      this.#empty(slot, ChainFault.Unmapped);
      return;
    }
    slots.faults[slot] = ChainFault.None;
    slots.alike[slot] = 0;
    slots.readableBytes[slot] = Math.min(readableBytes, MOST_BYTES);
    slots.writableBytes[slot] = Math.min(writableBytes, MOST_BYTES);
    if (slot >= this.#lastEnds.length) this.#addShapes();
    // What is not at home will be gone by then, and others in its place.
    this.#lastEnds[slot] = slots.lists.isHome(slot) ? end : NO_RANGES;
    this.#lastReadableWords[slot] = readableWords;
  }

  /** A chain whose structure is not intact has no place for a status. */
  #reject(slot: number, fault: ChainFault): void {
    this.#slots.statusRegions[slot] = NO_STATUS_PLACE;
    this.#empty(slot, fault);
  }

  #empty(slot: number, fault: ChainFault): void {
    const slots = this.#slots;
    slots.lists.release(slot);
    slots.lists.close(slot, slots.lists.starts[slot]!);
    slots.readableWords[slot] = 0;
    slots.readableBytes[slot] = 0;
    slots.writableBytes[slot] = 0;
    slots.faults[slot] = fault;
    slots.alike[slot] = 0;
    if (slot < this.#lastEnds.length) this.#lastEnds[slot] = NO_RANGES;
    this.#repeated.forget(slot);
  }

  /** The end of a packed list holds its buffer ID; false where there is none. */
  #skipList(
    slot: number,
    first: number,
    faulty: number,
    tail: number,
    room: number,
  ): boolean {
    const size = this.#size;
    let index = faulty;
    let count = (index - first + size) % size + 1;
    while ((tail >>> 16 & NEXT) !== 0) {
      if (count === room) return false;
      index = index + 1 === size ? 0 : index + 1;
      tail = this.#ring[(index << 2) + 3]!;
      count++;
    }
    this.#slots.ringDescriptors[slot] = count;
    this.#slots.heads[slot] = tail & 0xffff;
    return true;
  }

  #addShapes(): void {
    const before = this.#lastEnds;
    const readableWords = this.#lastReadableWords;
    this.#lastEnds = new Int32Array(this.#slots.count).fill(NO_RANGES);
    this.#lastEnds.set(before);
    this.#lastReadableWords = new Int32Array(this.#slots.count);
    this.#lastReadableWords.set(readableWords);
  }

  /** Other regions, or another block: no chain is like one before. */
  #refresh(): void {
    const { table } = this.#memory;
    const { generation } = this.#slots.lists;
    if (table === this.#regions && generation === this.#generation) return;
    this.#regions = table;
    this.#generation = generation;
    this.#lastEnds.fill(NO_RANGES);
    this.#repeated.forgetAll();
    this.#windowBytes = 0;
  }
}

/** Bytes of the ranges from word `start` to `end`. */
function sumOfLengths(
  ranges: Int32Array<ArrayBuffer>,
  start: number,
  end: number,
): number {
  let sum = 0;
  for (let at = start; at < end; at += RANGE) sum += ranges[at + LENGTH]!;
  return sum;
}
