/**
 * Sessions by identifier, as numbers in one block: a look-up costs no object, and
 * of many sessions few lines of the caches, since the identifier itself is in the
 * record that the request needs anyway.
 *
 * @module
 */

import {
  RECORD_WORDS,
  SessionField,
  type SessionRecords,
} from "./session_records.ts";

/** What a look-up gives for an identifier that names no session. */
export const NO_SESSION = -1;

// The engine folds constants of a module of its own only.
const RECORD = RECORD_WORDS;
const ID_LOW = SessionField.IdLow;
const ID_HIGH = SessionField.IdHigh;
const FREE = 0;
/** Above every session; the engine knows what a masked number cannot be. */
const MASK = 0xffffff;
const FIRST_ENTRIES = 64;
const TWO_TO_32 = 2 ** 32;

/** The identifier's two words, as a little-endian request has them. */
const lowOf = (id: number): number => id | 0;
const highOf = (id: number): number => Math.floor(id / TWO_TO_32) | 0;

/**
 * An open-addressing table of sessions by their identifiers, which are below 2^53.
 * A session is in one of them at most, and its record has been begun.
 */
export class SessionIndex {
  readonly #records: SessionRecords;
  /** Numbers of sessions plus one, or {@linkcode FREE}. */
  #entries = new Int32Array(FIRST_ENTRIES);
  #mask = FIRST_ENTRIES - 1;
  #count = 0;

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /** The number of the session with this identifier, or `NO_SESSION`. */
  find(low: number, high: number): number {
    const place = this.#placeOf(low, high);
    return place < 0 ? NO_SESSION : this.#entries[place]! - 1;
  }

  /** Where the session with this identifier is, or -1. */
  #placeOf(low: number, high: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    const { words } = this.#records;
    // Identifiers count up, so that their low words spread by themselves.
    let place = (low ^ high) & mask;
    for (;;) {
      const entry = entries[place]!;
      if (entry === FREE) return -1;
      const record = RECORD * ((entry - 1) & MASK);
      if (words[record + ID_LOW] === low && words[record + ID_HIGH] === high) {
        return place;
      }
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
    const { words } = this.#records;
    words[RECORD * number + ID_LOW] = lowOf(id);
    words[RECORD * number + ID_HIGH] = highOf(id);
    this.#enter(number + 1);
  }

  /** Enters what has its identifier in its record. */
  #enter(entry: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    const { words } = this.#records;
    const record = RECORD * (entry - 1);
    let place = (words[record + ID_LOW]! ^ words[record + ID_HIGH]!) & mask;
    while (entries[place] !== FREE) place = (place + 1) & mask;
    entries[place] = entry;
  }

  /** Removes a session; no gap is left that a look-up would end at. */
  remove(id: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    let place = this.#placeOf(lowOf(id), highOf(id));
    if (place < 0) return;
    this.#count--;
    entries[place] = FREE;
    // What follows may have been put there because this place was taken.
    for (;;) {
      place = (place + 1) & mask;
      const entry = entries[place]!;
      if (entry === FREE) return;
      entries[place] = FREE;
      this.#enter(entry);
    }
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(2 * old.length);
    this.#mask = 2 * this.#mask + 1;
    for (const entry of old) if (entry !== FREE) this.#enter(entry);
  }

  clear(): void {
    this.#entries.fill(0);
    this.#count = 0;
  }
}
