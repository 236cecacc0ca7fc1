/**
 * A kept list of slots.
 *
 * @module
 */

const FIRST_ROOM = 64;

/** Numbers of slots, in order; its room grows and stays. */
export class SlotList {
  /** The slots, of which the first `count` are the list. */
  slots = new Int32Array(FIRST_ROOM);
  count = 0;

  add(slot: number): void {
    if (this.count === this.slots.length) {
      const grown = new Int32Array(2 * this.count);
      grown.set(this.slots);
      this.slots = grown;
    }
    this.slots[this.count++] = slot;
  }
}
