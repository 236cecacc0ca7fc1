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

import type { Region } from "./region.ts";

/** Up to here a loop is faster than the view that a bulk copy takes. */
const SMALL_BYTES = 64;

/** An ordered list of ranges of regions. */
export class Segments {
  /** Ranges in use. */
  count = 0;
  /** Sum of the lengths of all ranges in use. */
  totalBytes = 0;
  readonly #regions: Region[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  #pieceOffset = 0;

  clear(): void {
    this.count = 0;
    this.totalBytes = 0;
  }

  /** Drops the references to memory that the list no longer uses. */
  release(): void {
    this.clear();
    this.#regions.length = 0;
    this.#offsets.length = 0;
    this.#lengths.length = 0;
  }

  /**
   * Appends `lengthBytes` bytes of `region` from `offset`; the caller has
   * checked that they lie inside it. Ranges that continue each other are joined.
   */
  append(region: Region, offset: number, lengthBytes: number): void {
    if (lengthBytes === 0) return;
    this.totalBytes += lengthBytes;
    const last = this.count - 1;
    if (
      last >= 0 && this.#regions[last] === region &&
      this.#offsets[last]! + this.#lengths[last]! === offset
    ) {
      this.#lengths[last]! += lengthBytes;
      return;
    }
    this.#regions[this.count] = region;
    this.#offsets[this.count] = offset;
    this.#lengths[this.count] = lengthBytes;
    this.count++;
  }

  region(index: number): Region {
    return this.#regions[index]!;
  }

  /** Offset of range `index` within its region. */
  offset(index: number): number {
    return this.#offsets[index]!;
  }

  lengthBytes(index: number): number {
    return this.#lengths[index]!;
  }

  /** Native address of range `index`, or 0 where its region has none. */
  address(index: number): number {
    const base = this.#regions[index]!.address;
    return base === 0 ? 0 : base + this.#offsets[index]!;
  }

  /** A new view of range `index`. */
  view(index: number): Uint8Array<ArrayBuffer> {
    const offset = this.#offsets[index]!;
    return this.#regions[index]!.bytes.subarray(
      offset,
      offset + this.#lengths[index]!,
    );
  }

  /**
   * Makes this list the bytes `start … start + lengthBytes` of `from`, which
   * holds at least that many.
   */
  slice(from: Segments, start: number, lengthBytes: number): void {
    this.clear();
    let skip = start;
    let wanted = lengthBytes;
    for (let i = 0; i < from.count && wanted > 0; i++) {
      const available = from.#lengths[i]!;
      if (skip >= available) {
        skip -= available;
        continue;
      }
      const taken = Math.min(available - skip, wanted);
      this.append(from.#regions[i]!, from.#offsets[i]! + skip, taken);
      wanted -= taken;
      skip = 0;
    }
  }

  /**
   * Copies `lengthBytes` bytes from `start` of the list to the start of `into`.
   * For headers: it makes no view, which would cost more than the copy.
   */
  copyOut(start: number, into: Region, lengthBytes: number): void {
    let skip = start;
    let done = 0;
    for (let i = 0; i < this.count && done < lengthBytes; i++) {
      const available = this.#lengths[i]!;
      if (skip >= available) {
        skip -= available;
        continue;
      }
      const taken = Math.min(available - skip, lengthBytes - done);
      copyPiece(
        this.#regions[i]!,
        this.#offsets[i]! + skip,
        into,
        done,
        taken,
      );
      done += taken;
      skip = 0;
    }
    if (done < lengthBytes) this.#tooShort(start, lengthBytes);
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
      into.set(from.subarray(at, at + into.length));
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
    let skip = start;
    let i = 0;
    while (i < this.count && skip >= this.#lengths[i]!) {
      skip -= this.#lengths[i++]!;
    }
    if (i >= this.count || skip + lengthBytes > this.#lengths[i]!) {
      return undefined;
    }
    this.#pieceOffset = this.#offsets[i]! + skip;
    return this.#regions[i];
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
      const available = this.#lengths[i]!;
      if (skip >= available) {
        skip -= available;
        continue;
      }
      const taken = Math.min(available - skip, lengthBytes - done);
      const from = this.#offsets[i]! + skip;
      visit(this.#regions[i]!.bytes.subarray(from, from + taken), done);
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

/** Whole words where both sides are aligned to them, else bytes. */
function copyPiece(
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
    (start % 4) + (at % 4) + (lengthBytes % 4) === 0
  ) {
    let word = start / 4;
    const end = (at + lengthBytes) / 4;
    for (let i = at / 4; i < end; i++) target[i] = source[word++]!;
    return;
  }
  for (let i = 0; i < lengthBytes; i++) {
    into.bytes[at + i] = from.bytes[start + i]!;
  }
}

/** Whether any byte of `a` is also a byte of `b`. */
export function overlap(a: Segments, b: Segments): boolean {
  for (let i = 0; i < a.count; i++) {
    const start = a.offset(i);
    const end = start + a.lengthBytes(i);
    for (let j = 0; j < b.count; j++) {
      if (
        a.region(i) === b.region(j) && start < b.offset(j) + b.lengthBytes(j) &&
        b.offset(j) < end
      ) return true;
    }
  }
  return false;
}
