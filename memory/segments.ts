/**
 * A list of byte ranges that together are one string of bytes: how operations
 * name guest memory without copying it. Lists are kept and refilled; filling,
 * slicing and copying allocate nothing but the views that a caller asks for.
 *
 * ```ts
 * import { Region } from "./region.ts";
 *
 * const region = new Region(Uint8Array.of(1, 2, 3, 4, 5));
 * const pieces = new Segments();
 * pieces.append(region, 3, 2);
 * pieces.append(region, 0, 1);
 * if (pieces.copy().join() !== "4,5,1") throw pieces;
 * ```
 *
 * @module
 */

import { RANGE_LENGTH, RANGE_OFFSET, RANGE_WORDS } from "./range_lists.ts";
import { rangesMeet } from "./range_set.ts";
import type { Region } from "./region.ts";

/** Up to here a loop is faster than the view that a bulk copy takes. */
const SMALL_BYTES = 64;

const RANGE = RANGE_WORDS;
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
/** Ranges that a list has room for at first. */
const FIRST_ROOM = 4;
const NO_RANGES = new Int32Array(0);

/** Where in a region a range may end at most: ranges are 32-bit integers. */
export const FARTHEST_END = 2 ** 31 - 1;

/**
 * An ordered list of ranges of regions. Ranges are small integers in one block,
 * their regions numbers in a table; a slice is a window on both, so that it lasts
 * as long as the list it was taken from stays as it is.
 */
export class Segments {
  /** Ranges in use. */
  count = 0;
  /** Sum of the lengths of all ranges in use. */
  totalBytes = 0;
  #table: readonly Region[] = [];
  /** The table of a list of its own. */
  #ownTable: Region[] = [];
  #ranges = NO_RANGES;
  /** Where in `#ranges` the list starts. */
  #start = 0;
  /** Bytes of the first range that come before the list. */
  #skip = 0;
  /** Bytes of the last range that belong to the list. */
  #lastBytes = 0;
  /** Where `append` puts ranges. */
  #own: Int32Array<ArrayBuffer> | undefined;
  #pieceOffset = 0;

  /** Makes it a list of no bytes. */
  clear(): void {
    this.count = 0;
    this.totalBytes = 0;
  }

  /** Drops the references to memory that the list no longer uses. */
  release(): void {
    this.clear();
    this.#ownTable = [];
    this.#table = this.#ownTable;
    this.#ranges = NO_RANGES;
    this.#own = undefined;
  }

  /**
   * Makes this list a window on `ranges` from word `start` to `end`: number of
   * its region in `table`, offset and length of each.
   */
  adopt(
    table: readonly Region[],
    ranges: Int32Array<ArrayBuffer>,
    start: number,
    end: number,
    totalBytes: number,
  ): void {
    this.#table = table;
    this.#ranges = ranges;
    this.#start = start;
    this.#skip = 0;
    this.count = (end - start) / RANGE;
    this.#lastBytes = this.count === 0 ? 0 : ranges[end - RANGE + LENGTH]!;
    this.totalBytes = totalBytes;
  }

  /**
   * Makes this list a window of `count` ranges on `ranges`, from word `start` on:
   * without the first `skippedBytes` of the first, and with `lastBytes` of the last.
   */
  show(
    table: readonly Region[],
    ranges: Int32Array<ArrayBuffer>,
    start: number,
    skippedBytes: number,
    count: number,
    lastBytes: number,
    totalBytes: number,
  ): void {
    this.#table = table;
    this.#ranges = ranges;
    this.#start = start;
    this.#skip = skippedBytes;
    this.count = count;
    this.#lastBytes = lastBytes;
    this.totalBytes = totalBytes;
  }

  /**
   * Appends `lengthBytes` bytes of `region` from `offset`; the caller has
   * checked that they lie inside it. Ranges that continue each other are joined.
   * A window on another list cannot be appended to; an empty list can.
   *
   * @throws {RangeError} where the range ends beyond {@linkcode FARTHEST_END}: a
   * part of the region is to be given then
   */
  append(region: Region, offset: number, lengthBytes: number): void {
    if (lengthBytes === 0) return;
    if (offset + lengthBytes > FARTHEST_END) tooFar(offset + lengthBytes);
    if (this.count === 0) this.#beginOwn();
    let ranges = this.#own!;
    const at = RANGE * this.count;
    const last = at - RANGE;
    // The region of the last range is the last of the table.
    const place = this.#table.length - 1;
    this.totalBytes += lengthBytes;
    if (
      place >= 0 && this.#table[place] === region &&
      ranges[last + OFFSET]! + this.#lastBytes === offset
    ) {
      this.#lastBytes += lengthBytes;
      ranges[last + LENGTH] = this.#lastBytes;
      return;
    }
    if (at === ranges.length) ranges = this.#grow();
    if (this.#table[place] !== region) this.#ownTable.push(region);
    ranges[at] = this.#ownTable.length - 1;
    ranges[at + OFFSET] = offset;
    ranges[at + LENGTH] = lengthBytes;
    this.#lastBytes = lengthBytes;
    this.count++;
  }

  #beginOwn(): void {
    this.#own ??= new Int32Array(RANGE * FIRST_ROOM);
    this.#ranges = this.#own;
    this.#start = 0;
    this.#skip = 0;
    // Another list may share the table that was used until now.
    this.#ownTable = [];
    this.#table = this.#ownTable;
  }

  #grow(): Int32Array<ArrayBuffer> {
    const grown = new Int32Array(2 * this.#own!.length);
    grown.set(this.#own!);
    this.#own = grown;
    this.#ranges = grown;
    return grown;
  }

  /** Exchanges all ranges with `other`, windows with what they are windows on. */
  exchange(other: Segments): void {
    const { count, totalBytes } = this;
    this.count = other.count;
    this.totalBytes = other.totalBytes;
    other.count = count;
    other.totalBytes = totalBytes;
    [this.#table, other.#table] = [other.#table, this.#table];
    [this.#ranges, other.#ranges] = [other.#ranges, this.#ranges];
    [this.#own, other.#own] = [other.#own, this.#own];
    [this.#start, other.#start] = [other.#start, this.#start];
    [this.#skip, other.#skip] = [other.#skip, this.#skip];
    [this.#lastBytes, other.#lastBytes] = [other.#lastBytes, this.#lastBytes];
  }

  /** Of a window: the word of the block where its first range is … */
  get firstWord(): number {
    return this.#start;
  }

  /** … and the bytes of that range which come before the list. */
  get skippedBytes(): number {
    return this.#skip;
  }

  /** Bytes of the last range that belong to the list. */
  get lastBytes(): number {
    return this.#lastBytes;
  }

  /** The region in which range `index` is. */
  region(index: number): Region {
    return this.#table[this.#ranges[this.#start + RANGE * index]!]!;
  }

  /** Offset of range `index` within its region. */
  offset(index: number): number {
    const offset = this.#ranges[this.#start + RANGE * index + OFFSET]!;
    return index === 0 ? offset + this.#skip : offset;
  }

  /** Bytes of range `index` that belong to the list. */
  lengthBytes(index: number): number {
    if (index === this.count - 1) return this.#lastBytes;
    const lengthBytes = this.#ranges[this.#start + RANGE * index + LENGTH]!;
    return index === 0 ? lengthBytes - this.#skip : lengthBytes;
  }

  /**
   * Whether this list and `other` have a byte in common, where neither has more
   * than one range: without the calls that asking for each number takes.
   */
  meetsRange(other: Segments): boolean {
    if (this.count === 0 || other.count === 0) return false;
    const at = this.#start;
    const otherAt = other.#start;
    return rangesMeet(
      this.#ranges[at + OFFSET]! + this.#skip,
      this.totalBytes,
      other.#ranges[otherAt + OFFSET]! + other.#skip,
      other.totalBytes,
    ) &&
      this.#table[this.#ranges[at]!] === other.#table[other.#ranges[otherAt]!];
  }

  /** Native address of range `index`, or 0 where its region has none. */
  address(index: number): number {
    const base = this.region(index).address;
    return base === 0 ? 0 : base + this.offset(index);
  }

  /** A view of range `index`; others may be given the same object. */
  view(index: number): Uint8Array<ArrayBuffer> {
    return this.region(index).viewOf(
      this.offset(index),
      this.lengthBytes(index),
    );
  }

  /**
   * Makes this list the bytes `start … start + lengthBytes` of `from`.
   *
   * @throws {RangeError} where `from` does not hold them all; this list is as it was
   */
  slice(from: Segments, start: number, lengthBytes: number): void {
    if (
      start < 0 || lengthBytes < 0 || start + lengthBytes > from.totalBytes
    ) from.#tooShort(start, lengthBytes);
    this.totalBytes = lengthBytes;
    if (lengthBytes === 0) {
      this.count = 0;
      return;
    }
    const ranges = from.#ranges;
    let at = from.#start;
    let skip = start + from.#skip;
    let rangeBytes = ranges[at + LENGTH]!;
    while (skip >= rangeBytes) {
      skip -= rangeBytes;
      at += RANGE;
      rangeBytes = ranges[at + LENGTH]!;
    }
    this.#table = from.#table;
    this.#ranges = ranges;
    this.#start = at;
    this.#skip = skip;
    let count = 1;
    let left = skip + lengthBytes;
    while (left > rangeBytes) {
      left -= rangeBytes;
      at += RANGE;
      rangeBytes = ranges[at + LENGTH]!;
      count++;
    }
    this.count = count;
    this.#lastBytes = count === 1 ? lengthBytes : left;
  }

  /**
   * Copies `lengthBytes` bytes from `start` of the list to the start of `into`.
   * For headers: it makes no view, which would cost more than the copy.
   */
  copyOut(start: number, into: Region, lengthBytes: number): void {
    const piece = this.#pieceWith(start, lengthBytes);
    if (piece !== undefined) {
      copyPiece(piece, this.#pieceOffset, into, 0, lengthBytes);
      return;
    }
    let skip = start;
    let done = 0;
    for (let i = 0; i < this.count && done < lengthBytes; i++) {
      const available = this.lengthBytes(i);
      if (skip >= available) {
        skip -= available;
        continue;
      }
      const taken = Math.min(available - skip, lengthBytes - done);
      copyPiece(this.region(i), this.offset(i) + skip, into, done, taken);
      done += taken;
      skip = 0;
    }
    if (done < lengthBytes) this.#tooShort(start, lengthBytes);
  }

  /** Copies the first `lengthBytes` bytes of `from` to `start` of the list. */
  copyIn(start: number, from: Region, lengthBytes: number): void {
    const piece = this.#pieceWith(start, lengthBytes);
    if (piece !== undefined) {
      copyPiece(from, 0, piece, this.#pieceOffset, lengthBytes);
    } else this.write(start, from.bytes.subarray(0, lengthBytes));
  }

  /** Copies bytes from `start` of the list into all of `into`. */
  read(start: number, into: Uint8Array): void {
    const piece = this.#pieceWith(start, into.length);
    if (piece === undefined) {
      this.#walk(start, into.length, (bytes, done) => into.set(bytes, done));
      return;
    }
    const from = piece.bytes;
    const at = this.#pieceOffset;
    if (into.length > SMALL_BYTES) {
      into.set(piece.viewOf(at, into.length));
    } else for (let i = 0; i < into.length; i++) into[i] = from[at + i]!;
  }

  /** Copies all of `from` to the bytes at `start` of the list. */
  write(start: number, from: Uint8Array): void {
    const piece = this.#pieceWith(start, from.length);
    if (piece === undefined) {
      this.#walk(
        start,
        from.length,
        (bytes, done) => bytes.set(from.subarray(done, done + bytes.length)),
      );
      return;
    }
    const to = piece.bytes;
    const at = this.#pieceOffset;
    if (from.length > SMALL_BYTES) to.set(from, at);
    else for (let i = 0; i < from.length; i++) to[at + i] = from[i]!;
  }

  /**
   * The region with all of these bytes, which start at `#pieceOffset` of it;
   * undefined where they are in several pieces.
   */
  #pieceWith(start: number, lengthBytes: number): Region | undefined {
    if (this.count === 1 && start + lengthBytes <= this.#lastBytes) {
      const at = this.#start;
      this.#pieceOffset = this.#ranges[at + OFFSET]! + this.#skip + start;
      return this.#table[this.#ranges[at]!];
    }
    return this.#pieceAmongMany(start, lengthBytes);
  }

  #pieceAmongMany(start: number, lengthBytes: number): Region | undefined {
    let skip = start;
    let i = 0;
    while (i < this.count && skip >= this.lengthBytes(i)) {
      skip -= this.lengthBytes(i++);
    }
    if (i >= this.count || skip + lengthBytes > this.lengthBytes(i)) {
      return undefined;
    }
    this.#pieceOffset = this.offset(i) + skip;
    return this.region(i);
  }

  /** Sets `lengthBytes` bytes from `start` to `value`. */
  fill(start: number, lengthBytes: number, value: number): void {
    this.#walk(start, lengthBytes, (bytes) => bytes.fill(value));
  }

  /** A private copy of all bytes. */
  copy(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.totalBytes);
    this.read(0, bytes);
    return bytes;
  }

  /** Calls `visit` with each piece of a range and the bytes visited before. */
  #walk(
    start: number,
    lengthBytes: number,
    visit: (bytes: Uint8Array, done: number) => void,
  ): void {
    let skip = start;
    let done = 0;
    for (let i = 0; i < this.count && done < lengthBytes; i++) {
      const available = this.lengthBytes(i);
      if (skip >= available) {
        skip -= available;
        continue;
      }
      const taken = Math.min(available - skip, lengthBytes - done);
      const from = this.offset(i) + skip;
      visit(this.region(i).bytes.subarray(from, from + taken), done);
      done += taken;
      skip = 0;
    }
    if (done < lengthBytes) this.#tooShort(start, lengthBytes);
  }

  #tooShort(start: number, lengthBytes: number): never {
    throw new RangeError(
      `Segments hold ${this.totalBytes} bytes: cannot reach ` +
        `${lengthBytes} bytes from ${start}`,
    );
  }
}

function tooFar(end: number): never {
  throw new RangeError(
    `Segments.append(): the range ends at ${end}, expected at most ` +
      `${FARTHEST_END}`,
  );
}

/**
 * Copies a few bytes of one region to another: whole words where both sides are
 * aligned to them.
 */
export function copyPiece(
  from: Region,
  start: number,
  into: Region,
  at: number,
  lengthBytes: number,
): void {
  const source = from.words;
  const target = into.words;
  if (
    source !== undefined && target !== undefined &&
    ((start | at | lengthBytes) & 3) === 0
  ) {
    let word = start >> 2;
    const end = (at + lengthBytes) >> 2;
    for (let i = at >> 2; i < end; i++) target[i] = source[word++]!;
    return;
  }
  for (let i = 0; i < lengthBytes; i++) {
    into.bytes[at + i] = from.bytes[start + i]!;
  }
}

/** Copies all of `from` to `to`, as long and with no byte of it, in one range each. */
export function copyRange(from: Segments, to: Segments): void {
  const lengthBytes = from.totalBytes;
  if (lengthBytes > SMALL_BYTES) to.view(0).set(from.view(0));
  else {
    const source = from.region(0);
    copyPiece(source, from.offset(0), to.region(0), to.offset(0), lengthBytes);
  }
}
