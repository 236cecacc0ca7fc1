/**
 * Where an indirect table is in this process (virtio 1.4 §2.7.5.3, §2.8.7).
 *
 * @module
 */

import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** Finds tables that are not in the window at hand. */
export class IndirectTable {
  /** The words that have the one found last, and the first of its own. */
  words: Int32Array<ArrayBuffer>;
  word = 0;
  /** The window that it is in, or -1: it is a copy. */
  place = -1;
  readonly #memory: GuestMemory;
  readonly #pieces = new Segments();
  #copy = new Region(new Uint8Array(0));

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.words = this.#copy.words!;
  }

  /**
   * Finds the table at an address of two words; false where memory has not all of
   * it. One that crosses windows or is not aligned is read from a copy.
   */
  find(low: number, high: number, lengthBytes: number): boolean {
    const memory = this.#memory;
    const address = (high >>> 0) * 2 ** 32 + (low >>> 0);
    if (!memory.find(address)) return false;
    const { words } = memory.table[memory.hit]!;
    const offset = memory.offsetInHit(address);
    if (
      words === undefined || (offset & 3) !== 0 ||
      lengthBytes > memory.hitBytes - offset
    ) return this.#copyFrom(address, lengthBytes);
    this.words = words;
    this.word = offset >> 2;
    this.place = memory.hit;
    return true;
  }

  #copyFrom(address: number, lengthBytes: number): boolean {
    const pieces = this.#pieces;
    pieces.clear();
    if (!this.#memory.translate(address, lengthBytes, pieces)) return false;
    if (this.#copy.lengthBytes < lengthBytes) {
      this.#copy = new Region(new Uint8Array(lengthBytes));
    }
    pieces.read(0, this.#copy.bytes.subarray(0, lengthBytes));
    this.words = this.#copy.words!;
    this.word = 0;
    this.place = -1;
    return true;
  }
}
