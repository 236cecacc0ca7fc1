/**
 * How much the requests of one burst may have to read.
 *
 * The messages of a thread wait for the end of a burst. So it is short, unless a
 * longer one has turned out to be worth it: a library that runs many requests beside
 * each other needs many, however long they are.
 *
 * @module
 */

/** What a burst may always read … */
export const LEAST_BURST_BYTES: number = 1 << 20;
/** … and what it never exceeds by more than a request. */
const MOST_BURST_BYTES = 16 << 20;
/** Of a burst whose first request is shorter nobody asks how long it takes. */
const LONG_BYTES = 1 << 14;
/** Bursts that take less are tried at double their size … */
const SHORT_MS = 5;
/** … and those that take more come down to the least. */
const LONG_MS = 12;
/** A larger size is kept where it lets a burst do so many times as much. */
const WORTH = 1.25;
/** Of so many full bursts the fastest counts: others may have been interrupted. */
const BURSTS_OF_LOOK = 3;
/** Full bursts of as many requests between two trials that were not worth it. */
const BURSTS_BETWEEN_TRIALS = 300;

/** The size of one queue's bursts; times in milliseconds. */
export class BurstSize {
  #mostBytes = LEAST_BURST_BYTES;
  #bytes = 0;
  #count = 0;
  #sinceMs = 0;
  /** Of the present look. */
  #bursts = 0;
  #leastMs = Infinity;
  /** Bytes in a millisecond. */
  #rate = 0;
  /** The same at half the size, while this one is being tried; else 0. */
  #rateBefore = 0;
  /** Full bursts until a larger size is tried, if they are of so many requests. */
  #untilTrial = 0;
  #triedCount = 0;

  /** After so much that is to be read no more is taken. */
  get mostBytes(): number {
    return this.#mostBytes;
  }

  /**
   * Whether the requests of the first `count` slots, which have `readableBytes` by
   * slot, make a full burst: one that is to be measured.
   */
  isReachedBy(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    readableBytes: Int32Array<ArrayBuffer>,
  ): boolean {
    if (readableBytes[slots[0]!]! < LONG_BYTES) return false;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += readableBytes[slots[i]!]!;
    this.#bytes = bytes;
    this.#count = count;
    return bytes >= this.#mostBytes;
  }

  /** That burst begins. */
  begins(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  /** That burst has ended. */
  ended(nowMs: number): void {
    const ms = nowMs - this.#sinceMs;
    this.#leastMs = Math.min(this.#leastMs, ms);
    this.#rate = Math.max(this.#rate, this.#bytes / ms);
    this.#bursts++;
    const isWorth = this.#rate >= WORTH * this.#rateBefore;
    if (isWorth) this.#rateBefore = 0;
    // What takes long goes to a lane after a few times: there is no time to lose.
    if (isWorth && this.#mayTry()) {
      this.#triedCount = this.#count;
      this.#look(2 * this.#mostBytes, this.#rate);
    } else if (this.#bursts === BURSTS_OF_LOOK) this.#review(isWorth);
  }

  #review(isWorth: boolean): void {
    let mostBytes = this.#mostBytes;
    if (this.#leastMs > LONG_MS) mostBytes = LEAST_BURST_BYTES;
    else if (!isWorth) mostBytes /= 2;
    if (!isWorth) this.#untilTrial = BURSTS_BETWEEN_TRIALS;
    this.#look(mostBytes, 0);
  }

  #look(mostBytes: number, rateBefore: number): void {
    this.#mostBytes = mostBytes;
    this.#rateBefore = rateBefore;
    this.#bursts = 0;
    this.#leastMs = Infinity;
    this.#rate = 0;
  }

  #mayTry(): boolean {
    if (this.#untilTrial > 0 && this.#count === this.#triedCount) {
      this.#untilTrial--;
      return false;
    }
    return this.#leastMs < SHORT_MS && this.#mostBytes < MOST_BURST_BYTES;
  }
}
