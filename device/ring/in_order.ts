/**
 * Holds completions back until their turn, for rings with VIRTIO_F_IN_ORDER.
 *
 * @module
 */

/** Slots and orders have 16 bits. */
const MASK = 0xffff;

/** Completions of up to `size` chains, released in the order of their `order`. */
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
  #front = 0;
  #held = 0;

  constructor(size: number) {
    this.#heads = new Uint16Array(size);
    this.#ringDescriptors = new Uint16Array(size);
    this.#writtenBytes = new Uint32Array(size);
    this.#completed = new Uint8Array(size);
  }

  /**
   * Lets the completions of `slots`, which have these `orders`, go at once where it
   * is their turn, one after the other; false: they are to be held.
   */
  passAll(
    orders: Int32Array<ArrayBuffer>,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): boolean {
    if (this.#held > 0) return false;
    const size = this.#heads.length;
    let front = this.#front;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      if (orders[slots[i]! & MASK] !== front) return false;
      front = (front + 1) | 0;
      if (front === size) front = 0;
    }
    this.#front = front;
    return true;
  }

  /** Holds what became of the chain that was popped as number `order`. */
  hold(
    order: number,
    head: number,
    ringDescriptors: number,
    writtenBytes: number,
  ): void {
    this.#heads[order] = head;
    this.#ringDescriptors[order] = ringDescriptors;
    this.#writtenBytes[order] = writtenBytes;
    this.#completed[order] = 1;
    this.#held++;
  }

  advance(): void {
    this.#completed[this.#front] = 0;
    this.#held--;
    this.#front++;
    if (this.#front === this.#heads.length) this.#front = 0;
  }
}
