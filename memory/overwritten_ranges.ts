/**
 * What a request writes over its own inputs: done again after that, it would not be
 * what it was.
 *
 * @module
 */

import { RangeSet } from "./range_set.ts";
import { RANGE_LENGTH, RANGE_OFFSET, RANGE_WORDS } from "./range_lists.ts";

// The engine folds constants of a module of its own only.
const OFFSET = RANGE_OFFSET;
const LENGTH = RANGE_LENGTH;
const WORDS = RANGE_WORDS;
const RANGE_SHIFT = 2;

const FIRST_ROOM = 8;
/** More comparisons take longer than to sort. */
const MOST_PAIRS = 1 << 14;

/** Outputs of one request that hold inputs of it. */
export class OverwrittenRanges {
  /** Number of the region, offset and length of each. */
  words: Int32Array<ArrayBuffer> = new Int32Array(WORDS * FIRST_ROOM);
  count = 0;
  totalBytes = 0;
  /** There are some, and too many to be told one by one. */
  isBeyondCount = false;
  #set: RangeSet | undefined;

  /** Whether the request that was looked at last writes over its inputs. */
  get any(): boolean {
    return this.count > 0 || this.isBeyondCount;
  }

  /** There is one, at word `at` of `ranges`. */
  take(ranges: Int32Array<ArrayBuffer>, at: number): void {
    this.count = 0;
    this.totalBytes = 0;
    this.isBeyondCount = false;
    this.#add(ranges, at);
  }

  /** Looks at ranges of which those from word `outputsAt` on are written. */
  find(
    ranges: Int32Array<ArrayBuffer>,
    start: number,
    outputsAt: number,
    end: number,
  ): void {
    this.count = 0;
    this.totalBytes = 0;
    this.isBeyondCount = false;
    const pairs = ((outputsAt - start) >> RANGE_SHIFT) *
      ((end - outputsAt) >> RANGE_SHIFT);
    if (pairs > MOST_PAIRS) {
      this.isBeyondCount = this.#meetSomewhere(ranges, start, outputsAt, end);
      return;
    }
    for (let output = outputsAt; output < end; output = (output + WORDS) | 0) {
      const region = ranges[output]!;
      const from = ranges[output + OFFSET]!;
      const to = (from + ranges[output + LENGTH]!) | 0;
      for (let input = start; input < outputsAt; input = (input + WORDS) | 0) {
        const offset = ranges[input + OFFSET]!;
        if (
          ranges[input] !== region || offset >= to ||
          from >= ((offset + ranges[input + LENGTH]!) | 0)
        ) continue;
        this.#add(ranges, output);
        break;
      }
    }
  }

  #meetSomewhere(
    ranges: Int32Array,
    start: number,
    outputsAt: number,
    end: number,
  ): boolean {
    const set = this.#set ??= new RangeSet();
    set.clear();
    for (let at = outputsAt; at < end; at += WORDS) {
      set.add(ranges[at]!, ranges[at + OFFSET]!, ranges[at + LENGTH]!);
    }
    // Outputs that overlap each other are in no order: then it is a doubt.
    if (!set.sort()) return true;
    for (let at = start; at < outputsAt; at += WORDS) {
      if (set.meets(ranges[at]!, ranges[at + OFFSET]!, ranges[at + LENGTH]!)) {
        return true;
      }
    }
    return false;
  }

  #add(ranges: Int32Array, at: number): void {
    const place = WORDS * this.count++;
    if (place === this.words.length) {
      const grown = new Int32Array(2 * place);
      grown.set(this.words);
      this.words = grown;
    }
    const { words } = this;
    words[place] = ranges[at]!;
    words[place + OFFSET] = ranges[at + OFFSET]!;
    words[place + LENGTH] = ranges[at + LENGTH]!;
    this.totalBytes += ranges[at + LENGTH]!;
  }
}
