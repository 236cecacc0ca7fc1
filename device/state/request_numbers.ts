/**
 * Numbers for the requests of a ring, each once in its guest's life, in memory
 * that outlives the process: a request that is done again has the number that it
 * had.
 *
 * Words of 64 bits: how many requests have been numbered, and where the ring stood
 * behind the last of them, in one; then where each of the last 64 was.
 *
 * @module
 */

import { MOST_UNTOLD } from "../session/session_redo.ts";
import { KeptWords } from "./kept_words.ts";

const LAST = 0;
const STARTS = 1;
const POSITIONS = 2 ** 16;
/** Before all numbers, which are then others than those of messages. */
const FIRST_NUMBER = 2 ** 40;

export const REQUEST_NUMBERS_BYTES = 8 * (STARTS + MOST_UNTOLD);

/** The numbers of one ring; positions have 16 bits. */
export class RequestNumbers {
  readonly #words: KeptWords;
  /** The count of the next request that is done again; undefined: none is. */
  #again: number | undefined;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#words = new KeptWords(bytes.subarray(0, REQUEST_NUMBERS_BYTES));
  }

  get #count(): number {
    return Math.floor((this.#words.get(LAST) || 0) / POSITIONS);
  }

  /** A ring begins at `position`, and all of its requests are new. */
  begin(position: number): void {
    this.#again = undefined;
    this.#words.set(LAST, this.#count * POSITIONS + position);
  }

  /**
   * A ring goes on at `position` where another process has answered all before.
   * Of requests at one place the last is meant: a ring has no two there at a time.
   */
  resume(position: number): void {
    this.#again = undefined;
    const count = this.#count;
    const end = (this.#words.get(LAST) || 0) % POSITIONS;
    if (count === 0 || end === position) return;
    for (let i = 0; i < Math.min(count, MOST_UNTOLD); i++) {
      if (this.#words.get(wordOf(count - i)) !== position) continue;
      this.#again = count - i;
      return;
    }
  }

  /** The number of the request that was taken at `start`; it ends at `end`. */
  take(start: number, end: number): number {
    const again = this.#again;
    if (again !== undefined) {
      this.#again = again < this.#count ? again + 1 : undefined;
      if (this.#words.get(wordOf(again)) === start) return FIRST_NUMBER + again;
      this.#again = undefined;
    }
    const count = this.#count + 1;
    this.#words.set(wordOf(count), start);
    this.#words.set(LAST, count * POSITIONS + end);
    return FIRST_NUMBER + count;
  }
}

const wordOf = (count: number): number => STARTS + count % MOST_UNTOLD;
