/**
 * Which ranges of bytes have bytes in common. All is plain numbers: a range is
 * the number of its region, an offset in it and a length.
 *
 * @module
 */

import { RANGE_LENGTH, RANGE_OFFSET, RANGE_WORDS } from "./range_lists.ts";

/** Above every offset and every end within a region. */
const REGION_STRIDE = 2 ** 31;
/** Up to here sorting by insertion is fastest, and allocates nothing. */
const FEW_RANGES = 16;

/** Whether two ranges of one region have a byte in common; neither is empty. */
export function rangesMeet(
  offset: number,
  lengthBytes: number,
  otherOffset: number,
  otherLengthBytes: number,
): boolean {
  return offset < otherOffset + otherLengthBytes &&
    otherOffset < offset + lengthBytes;
}

/** Comparing each range with each costs little up to here. */
const FEW_WORDS = 8 * RANGE_WORDS;

/**
 * Whether it is plain that of the ranges in words `start` … `end` of a block none
 * from word `outputsAt` on has a byte in common with another. False is no more
 * than a doubt where there are many.
 */
export function areOutputsApart(
  ranges: Int32Array<ArrayBuffer>,
  start: number,
  outputsAt: number,
  end: number,
): boolean {
  if (end - start > FEW_WORDS) return false;
  for (let output = outputsAt; output < end; output += RANGE_WORDS) {
    const region = ranges[output]!;
    const offset = ranges[output + RANGE_OFFSET]!;
    const lengthBytes = ranges[output + RANGE_LENGTH]!;
    for (let other = start; other < output; other += RANGE_WORDS) {
      if (
        rangesMeet(
          offset,
          lengthBytes,
          ranges[other + RANGE_OFFSET]!,
          ranges[other + RANGE_LENGTH]!,
        ) && ranges[other] === region
      ) return false;
    }
  }
  return true;
}

/** A kept set of ranges, none of them empty; its room grows and stays. */
export class RangeSet {
  #starts = new Float64Array(FEW_RANGES);
  #ends = new Float64Array(FEW_RANGES);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(region: number, offset: number, lengthBytes: number): void {
    if (this.#count === this.#starts.length) this.#grow();
    const start = region * REGION_STRIDE + offset;
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = start + lengthBytes;
    this.#count++;
  }

  #grow(): void {
    this.#starts = doubled(this.#starts);
    this.#ends = doubled(this.#ends);
  }

  /** Puts the set in order; whether no byte is in two of its ranges. */
  sort(): boolean {
    const starts = this.#starts;
    const ends = this.#ends;
    const count = this.#count;
    // Of ranges apart from each other the ends have the order of the starts; of
    // others some start comes before the end that has its place then.
    sortFirst(starts, count);
    sortFirst(ends, count);
    for (let i = 1; i < count; i++) if (starts[i]! < ends[i - 1]!) return false;
    return true;
  }

  /** Whether a range that is not empty meets the set, for which `sort` gave true. */
  meets(region: number, offset: number, lengthBytes: number): boolean {
    const start = region * REGION_STRIDE + offset;
    const end = start + lengthBytes;
    const starts = this.#starts;
    // How many of the set begin before `end`; the last of them reaches farthest.
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < end) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#ends[low - 1]! > start;
  }
}

function doubled(values: Float64Array<ArrayBuffer>) {
  const grown = new Float64Array(2 * values.length);
  grown.set(values);
  return grown;
}

/** Sorts the first `count` values. */
function sortFirst(values: Float64Array<ArrayBuffer>, count: number): void {
  if (count > FEW_RANGES) {
    values.subarray(0, count).sort();
    return;
  }
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    let at = i;
    while (at > 0 && values[at - 1]! > value) values[at] = values[--at]!;
    values[at] = value;
  }
}
