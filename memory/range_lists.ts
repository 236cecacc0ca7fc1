/**
 * The ranges of many requests in one block of numbers, so that a request costs
 * no object: a range is the number of its region, an offset and a length.
 *
 * Each slot has room of its own for a few ranges, its home. What needs more goes
 * behind all homes until it is released.
 *
 * @module
 */

/**
 * Words of a range: number of its region, offset, length, and one for whoever
 * fills the lists.
 */
export const RANGE_WORDS = 4;
export const RANGE_OFFSET = 1;
export const RANGE_LENGTH = 2;
export const RANGE_NOTE = 3;

/** Words of a slot's home. */
export const HOME_WORDS = RANGE_WORDS * 20;

/** Room behind the homes that is kept for the next long lists. */
const KEPT_WORDS = 1 << 16;

/** Ranges by slot; one slot's list is filled at a time. */
export class RangeLists {
  /** All ranges. Views of a block that was replaced stay good for their slot. */
  block: Int32Array<ArrayBuffer>;
  /** First word of each slot's list in `block`. */
  starts: Int32Array<ArrayBuffer>;
  /** The word of `block` behind each slot's list. */
  ends: Int32Array<ArrayBuffer>;
  /** Counts the blocks. */
  generation = 0;
  #slots: number;
  /** How many lists are not at home, and where the last of them ends. */
  #away = 0;
  #top: number;

  /** Empty lists, one for each slot. */
  constructor(slots: number) {
    this.#slots = slots;
    this.#top = slots * HOME_WORDS;
    this.block = new Int32Array(this.#top);
    this.starts = Int32Array.from({ length: slots }, (_, i) => i * HOME_WORDS);
    this.ends = this.starts.slice();
  }

  /** Whether a slot's list is at home. */
  isHome(slot: number): boolean {
    return this.starts[slot] === slot * HOME_WORDS;
  }

  /** Whether all lists are at home. */
  get areHome(): boolean {
    return this.#away === 0;
  }

  /** Where the room of a slot's list ends for now. */
  roomEnd(slot: number): number {
    const start = this.starts[slot]!;
    if (start === slot * HOME_WORDS) return start + HOME_WORDS;
    return this.ends[slot] === this.#top ? this.block.length : this.ends[slot]!;
  }

  /** Ends a slot's list at the word `end` of `block`. */
  close(slot: number, end: number): void {
    if (this.starts[slot] !== slot * HOME_WORDS) this.#top = end;
    this.ends[slot] = end;
  }

  /**
   * Makes room for more behind a slot's list, which ends at `end` so far.
   * Returns where it ends now, as `block` and `starts` may be others.
   */
  makeRoom(slot: number, end: number): number {
    const start = this.starts[slot]!;
    const used = end - start;
    const top = this.ends[slot] === this.#top ? end : this.#top;
    this.ends[slot] = end;
    if (start === slot * HOME_WORDS) this.#away++;
    if (this.block.length - top >= 2 * used) {
      this.block.copyWithin(top, start, end);
      this.#place(slot, top, used);
    } else this.#rebuild(this.#slots, slot);
    return this.ends[slot]!;
  }

  /** Gives back the room of a slot that is free again. */
  release(slot: number): void {
    if (this.#away === 0) return;
    const home = slot * HOME_WORDS;
    if (this.starts[slot] === home) return;
    this.starts[slot] = home;
    this.ends[slot] = home;
    this.#away--;
    if (this.#away > 0) return;
    this.#top = this.#slots * HOME_WORDS;
    if (this.block.length <= this.#top + KEPT_WORDS) return;
    this.block = this.block.slice(0, this.#top);
    this.generation++;
  }

  /** Makes it `slots` slots, which are more than before. */
  addSlots(slots: number): void {
    const grow = (old: Int32Array<ArrayBuffer>) => {
      const grown = new Int32Array(slots);
      grown.set(old);
      for (let i = old.length; i < slots; i++) grown[i] = i * HOME_WORDS;
      return grown;
    };
    this.starts = grow(this.starts);
    this.ends = grow(this.ends);
    this.#rebuild(slots, -1);
  }

  #place(slot: number, start: number, words: number): void {
    this.starts[slot] = start;
    this.ends[slot] = start + words;
    this.#top = start + words;
  }

  /** Makes a new block with twice the room that is in use, `last` at its end. */
  #rebuild(slots: number, last: number): void {
    const { block: old, starts, ends } = this;
    const before = this.#slots;
    const away: number[] = [];
    let words = 0;
    for (let slot = 0; slot < before; slot++) {
      if (starts[slot] === slot * HOME_WORDS && slot !== last) continue;
      words += ends[slot]! - starts[slot]!;
      if (slot !== last) away.push(slot);
    }
    if (last >= 0) away.push(last);
    const homes = slots * HOME_WORDS;
    const block = new Int32Array(homes + 3 * words);
    block.set(old.subarray(0, before * HOME_WORDS));
    this.#top = homes;
    for (const slot of away) {
      const start = starts[slot]!;
      const end = ends[slot]!;
      block.set(old.subarray(start, end), this.#top);
      this.#place(slot, this.#top, end - start);
    }
    this.block = block;
    this.#slots = slots;
    this.generation++;
  }
}
