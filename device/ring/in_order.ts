/**
 * Holds completions back until their turn, for rings with VIRTIO_F_IN_ORDER and
 * those that are kept.
 *
 * @module
 */

import { MOST_CHAINS } from "./virtqueue.ts";

/** Slots and orders have 16 bits. */
const MASK = 0xffff;

/**
 * Completions of up to `size` chains, released in the order in which those were
 * taken. Mostly a burst ends as it was taken, with nothing else out: then no chain
 * needs a number.
 */
export class InOrderGate {
  /** The completion at the front; valid while `ready`. */
  get head(): number {
    return this.#heads[this.#front]!;
  }
  get ringDescriptors(): number {
    return this.#ringDescriptors[this.#front]!;
  }
  get writtenBytes(): number {
    return this.#writtenBytes[this.#front]!;
  }
  /** Whether the oldest chain that is out has completed. */
  get ready(): boolean {
    return this.#completed[this.#front] === 1;
  }

  readonly #heads: Uint16Array;
  readonly #ringDescriptors: Uint16Array;
  readonly #writtenBytes: Uint32Array;
  readonly #completed: Uint8Array;
  /** Of the chains that were taken last, those from `#first` to `#end` are out. */
  #burst = new Int32Array(MOST_CHAINS);
  #first = 0;
  #end = 0;
  /** Numbers of those that were taken before, by slot. */
  #orders = new Int32Array(MOST_CHAINS);
  #numbered = 0;
  #front = 0;
  #next = 0;
  #held = 0;

  constructor(size: number) {
    this.#heads = new Uint16Array(size);
    this.#ringDescriptors = new Uint16Array(size);
    this.#writtenBytes = new Uint32Array(size);
    this.#completed = new Uint8Array(size);
  }

  /** More are about to be taken; the slots of the last ones may be overwritten. */
  taking(): void {
    if (this.#first < this.#end) this.#number();
  }

  /**
   * The first `count` of `slots` were taken, behind all others; they stay there until
   * `taking`.
   */
  taken(slots: Int32Array<ArrayBuffer>, count: number): void {
    this.#burst = slots;
    this.#first = 0;
    this.#end = count;
  }

  /** Gives the chains that were taken last their places in the order. */
  #number(): void {
    const burst = this.#burst;
    const size = this.#heads.length;
    for (let i = this.#first; i < this.#end; i++) {
      const slot = burst[i]!;
      if (slot >= this.#orders.length) this.#grow();
      this.#orders[slot] = this.#next;
      this.#next = this.#next + 1 === size ? 0 : this.#next + 1;
    }
    this.#numbered += this.#end - this.#first;
    this.#first = this.#end;
  }

  #grow(): void {
    const orders = new Int32Array(2 * this.#orders.length);
    orders.set(this.#orders);
    this.#orders = orders;
  }

  /**
   * Lets the completions of `slots` go at once where it is their turn, one after the
   * other; false: they are to be held.
   */
  passAll(slots: Int32Array<ArrayBuffer>, count: number): boolean {
    const first = this.#first;
    if (this.#numbered === 0 && count <= this.#end - first) {
      const burst = this.#burst;
      let i = 0;
      while (i < count && slots[i] === burst[first + i]) i = (i + 1) | 0;
      if (i === count) {
        this.#first = first + count;
        return true;
      }
    }
    this.#number();
    return this.#passNumbered(slots, count);
  }

  #passNumbered(slots: Int32Array<ArrayBuffer>, count: number): boolean {
    if (this.#held > 0) return false;
    const size = this.#heads.length;
    const orders = this.#orders;
    let front = this.#front;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      if (orders[slots[i]! & MASK] !== front) return false;
      front = (front + 1) | 0;
      if (front === size) front = 0;
    }
    this.#front = front;
    this.#numbered -= count;
    return true;
  }

  /** Holds what became of the chain in a slot, for which `passAll` gave false. */
  hold(
    slot: number,
    head: number,
    ringDescriptors: number,
    writtenBytes: number,
  ): void {
    const order = this.#orders[slot]!;
    this.#heads[order] = head;
    this.#ringDescriptors[order] = ringDescriptors;
    this.#writtenBytes[order] = writtenBytes;
    this.#completed[order] = 1;
    this.#held++;
  }

  advance(): void {
    this.#completed[this.#front] = 0;
    this.#held--;
    this.#numbered--;
    this.#front++;
    if (this.#front === this.#heads.length) this.#front = 0;
  }
}
