/**
 * Where requests are in a ring: the next available index of a split ring, the next
 * descriptor with its wrap counter in bit 15 of a packed one. 16 bits, as the lower
 * half of GET_VRING_BASE.
 *
 * @module
 */

const INDEX = 0x7fff;
const WRAP_BIT = 15;
const SPLIT_PERIOD = 2 ** 16;

/** Arithmetic on positions of one ring. */
export class RingPositions {
  readonly #size: number;
  readonly #packed: boolean;
  /** Positions until one comes again: at least twice as many as are out. */
  readonly #period: number;

  constructor(size: number, packed: boolean) {
    this.#size = size;
    this.#packed = packed;
    this.#period = packed ? 2 * size : SPLIT_PERIOD;
  }

  /** Where the request behind one at `position` is, which takes `descriptors`. */
  after(position: number, descriptors: number): number {
    if (!this.#packed) return (position + 1) & 0xffff;
    const index = (position & INDEX) + descriptors;
    return index < this.#size
      ? index | position & ~INDEX
      : (index - this.#size) | (position & ~INDEX) ^ 1 << WRAP_BIT;
  }

  /** Whether a request at `position`, taken not long ago, is before `place`. */
  isBefore(position: number, place: number): boolean {
    const period = this.#period;
    const distance = this.#ordinal(position) - this.#ordinal(place);
    return 2 * (distance < 0 ? distance + period : distance) >= period;
  }

  #ordinal(position: number): number {
    if (!this.#packed) return position;
    const wrap = position >>> WRAP_BIT;
    return (position & INDEX) + (wrap === 1 ? 0 : this.#size);
  }
}
