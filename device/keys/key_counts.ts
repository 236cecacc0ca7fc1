/**
 * How often a guest has used each key: shared memory to which all of its threads
 * add, and which the main thread tells of.
 *
 * @module
 */

/** What is counted of a key. */
export const enum KeyCount {
  Signatures = 0,
  Decryptions = 1,
  /** Operations that no rule permits. */
  Forbidden = 2,
  /** Operations beyond the rate. */
  TooMany = 3,
}

const COUNTS = 4;
const WORDS = 8;
/**
 * Of the words of 64 bits: the second that is under way, and in the lower half the
 * uses in it, so that both change in one step.
 */
const LONGS = WORDS / 2;
const SECOND = 2;
const LOWER_HALF = 2n ** 32n - 1n;

/** Keys that there may be over the time of the process. */
export const KEY_SLOTS = 1024;

export function makeKeyCounts(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * WORDS * KEY_SLOTS);
}

/** A thread's side: adds, and knows when a rate is reached. */
export class KeyCounter {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #longs: BigUint64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#longs = new BigUint64Array(memory);
  }

  add(slot: number, count: KeyCount): void {
    Atomics.add(this.#words, WORDS * slot + count, 1);
  }

  /** Counts one more use in this second, if it is within `usesPerSecond`. */
  isWithin(
    slot: number,
    usesPerSecond: number,
    nowMs: number = Date.now(),
  ): boolean {
    const longs = this.#longs;
    const at = LONGS * slot + SECOND;
    const now = BigInt(Math.floor(nowMs / 1000));
    for (;;) {
      const before = Atomics.load(longs, at);
      const last = before >> 32n;
      // A thread may have looked at the clock before another began the next second.
      const isUnderWay = last === now || last === now + 1n;
      const uses = isUnderWay ? before & LOWER_HALF : 0n;
      if (uses >= usesPerSecond) return false;
      const after = (isUnderWay ? last : now) << 32n | uses + 1n;
      if (Atomics.compareExchange(longs, at, before, after) === before) {
        return true;
      }
    }
  }
}

/** What has been counted of a key. */
export type KeyCounts = readonly [
  signatures: number,
  decryptions: number,
  forbidden: number,
  tooMany: number,
];

/** The main thread's side: sums, and what has come since it was last asked. */
export class KeyCountsReader {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #seen = new Int32Array(COUNTS * KEY_SLOTS);
  readonly #totals = new Float64Array(COUNTS * KEY_SLOTS);

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** What has come since the last call; a counter may have wrapped once. */
  takeNew(slot: number): KeyCounts {
    const fresh = [0, 1, 2, 3].map((count) => {
      const now = Atomics.load(this.#words, WORDS * slot + count);
      const at = COUNTS * slot + count;
      const more = (now - this.#seen[at]!) >>> 0;
      this.#seen[at] = now;
      this.#totals[at] = this.#totals[at]! + more;
      return more;
    });
    return fresh as [number, number, number, number];
  }

  /** All that `takeNew` has given. */
  totals(slot: number): KeyCounts {
    return [0, 1, 2, 3].map((count) =>
      this.#totals[COUNTS * slot + count]!
    ) as [number, number, number, number];
  }
}
