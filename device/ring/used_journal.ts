/**
 * What a packed ring is about to show its driver, in memory that outlives the
 * process. A packed ring says nowhere where it stands, and showing a used
 * descriptor overwrites one that is still to be done again if the process ends in
 * between: so all that is shown at once is written down first, and who comes next
 * shows it to its end.
 *
 * 32-bit words: where the ring stands; where what is written down begins, stored
 * last; how many used descriptors that is; how many processes have ended while they
 * did the first request again by itself (of split rings only this one); and for
 * each used descriptor its identifier and the descriptors of its list, in 16 bits
 * each, and the bytes written. Written down for elsewhere than where the ring
 * stands, it has been shown, or is not whole yet.
 *
 * @module
 */

const POSITION = 0;
const START = 1;
const COUNT = 2;
const TRIES = 3;
const ENTRIES = 4;
/** Words of a used descriptor. */
export const ENTRY_WORDS = 2;

/** Used descriptors that are shown at once, at most. */
export const MOST_USED = 64;

export const USED_JOURNAL_BYTES = 4 * (ENTRIES + ENTRY_WORDS * MOST_USED);

/** The journal of one ring. */
export class UsedJournal {
  /**
   * The words of the used descriptors, `MOST_USED` of them: identifier and number of
   * descriptors, and bytes written. Whoever adds one counts it.
   */
  readonly entries: Int32Array<ArrayBuffer>;
  /** Used descriptors that wait for `commit`. */
  count = 0;
  readonly #words: Int32Array<ArrayBuffer>;

  /** `words` are those of `USED_JOURNAL_BYTES`. */
  constructor(words: Int32Array<ArrayBuffer>) {
    this.#words = words;
    this.entries = words.subarray(ENTRIES, ENTRIES + ENTRY_WORDS * MOST_USED);
  }

  /** Where the ring stands, in the form of GET_VRING_BASE. */
  get position(): number {
    return Atomics.load(this.#words, POSITION) >>> 0;
  }

  /** How many used descriptors are written down and not known to be shown. */
  get unshown(): number {
    const words = this.#words;
    const count = Atomics.load(words, COUNT);
    const isNew = words[START] === Atomics.load(words, POSITION);
    return isNew && count > 0 && count <= MOST_USED ? count : 0;
  }

  /** Processes that have begun the first request by itself and not ended it. */
  get tries(): number {
    return Atomics.load(this.#words, TRIES);
  }

  set tries(tries: number) {
    Atomics.store(this.#words, TRIES, tries);
  }

  /** Begins at `position` with nothing to show. */
  reset(position: number): void {
    const words = this.#words;
    Atomics.store(words, COUNT, 0);
    // Never where the ring stands before a `commit`.
    Atomics.store(words, START, ~position);
    Atomics.store(words, POSITION, position);
    this.count = 0;
  }

  /** What waits is to be shown from `position` on, where the ring stands. */
  commit(position: number): void {
    this.#words[COUNT] = this.count;
    // Releases the entries, which are written before it in plain stores.
    Atomics.store(this.#words, START, position);
  }

  /** How many descriptors of the ring the first `count` used ones stand for. */
  descriptors(count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += this.entries[ENTRY_WORDS * i]! >>> 16;
    }
    return sum;
  }

  /** All of them have been shown: the ring stands at `position`. */
  shown(position: number): void {
    Atomics.store(this.#words, POSITION, position);
    this.count = 0;
  }
}
