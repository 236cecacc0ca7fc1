/**
 * Sessions by identifier, as numbers in one block: a look-up costs no object.
 *
 * @module
 */

/** What a look-up gives for an identifier that names no session. */
export const NO_SESSION = -1;

const ENTRY_WORDS = 4;
const HIGH = 1;
const NUMBER = 2;
const FREE = 0;
const FIRST_ENTRIES = 64;
const TWO_TO_32 = 2 ** 32;

/** The identifier's two words, as a little-endian request has them. */
const lowOf = (id: number): number => id | 0;
const highOf = (id: number): number => Math.floor(id / TWO_TO_32) | 0;

/**
 * An open-addressing table of identifiers below 2^53, each with the number that
 * its session has on this thread.
 */
export class SessionIndex {
  /** Low word, high word, number plus one or {@linkcode FREE}, unused. */
  #entries = new Int32Array(ENTRY_WORDS * FIRST_ENTRIES);
  #mask = FIRST_ENTRIES - 1;
  #count = 0;

  /** The number of the session with this identifier, or `NO_SESSION`. */
  find(low: number, high: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    // Identifiers count up, so that their low words spread by themselves.
    let place = (low ^ high) & mask;
    for (;;) {
      const at = place << 2;
      const number = entries[at + NUMBER]!;
      if (number === FREE) return NO_SESSION;
      if (entries[at] === low && entries[at + HIGH] === high) return number - 1;
      place = (place + 1) & mask;
    }
  }

  /** The number of session `id`; one that is no safe integer names none. */
  numberOf(id: number): number {
    return Number.isSafeInteger(id)
      ? this.find(lowOf(id), highOf(id))
      : NO_SESSION;
  }

  /** Enters a session that is not there. */
  add(id: number, number: number): void {
    if (2 * (this.#count + 1) > this.#mask) this.#grow();
    this.#count++;
    this.#enter(lowOf(id), highOf(id), number + 1);
  }

  #enter(low: number, high: number, value: number): void {
    const entries = this.#entries;
    let place = (low ^ high) & this.#mask;
    while (entries[(place << 2) + NUMBER] !== FREE) {
      place = (place + 1) & this.#mask;
    }
    entries[place << 2] = low;
    entries[(place << 2) + HIGH] = high;
    entries[(place << 2) + NUMBER] = value;
  }

  /** Removes a session; no gap is left that a look-up would end at. */
  remove(id: number): void {
    const low = lowOf(id);
    const high = highOf(id);
    if (this.find(low, high) === NO_SESSION) return;
    const entries = this.#entries;
    const mask = this.#mask;
    let place = (low ^ high) & mask;
    while (entries[place << 2] !== low || entries[(place << 2) + 1] !== high) {
      place = (place + 1) & mask;
    }
    this.#count--;
    entries[(place << 2) + NUMBER] = FREE;
    // What follows may have been put there because this place was taken.
    for (;;) {
      place = (place + 1) & mask;
      const at = place << 2;
      const value = entries[at + NUMBER]!;
      if (value === FREE) return;
      entries[at + NUMBER] = FREE;
      this.#enter(entries[at]!, entries[at + HIGH]!, value);
    }
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(2 * old.length);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < old.length; at += ENTRY_WORDS) {
      const value = old[at + NUMBER]!;
      if (value !== FREE) this.#enter(old[at]!, old[at + HIGH]!, value);
    }
  }

  clear(): void {
    this.#entries.fill(0);
    this.#count = 0;
  }
}
