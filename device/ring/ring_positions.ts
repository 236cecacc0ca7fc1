/**
 * Where requests are in a ring: the next available index of a split ring, the next
 * descriptor with its wrap counter in bit 15 of a packed one. 16 bits, as the lower
 * half of GET_VRING_BASE.
 *
 * @module
 */

import { DESCRIPTOR_AVAILABLE, DESCRIPTOR_USED } from "./layout.ts";

/** The bits of a packed ring's position that are the descriptor's. */
export const INDEX = 0x7fff;
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

/** The bits that tell of a packed ring's descriptor whether it is available. */
export const STATE_FLAGS: number = DESCRIPTOR_AVAILABLE | DESCRIPTOR_USED;

/** How they are in one that is available at `position` (virtio 1.4 §2.8.1). */
export const availableFlags = (position: number): number =>
  position >>> WRAP_BIT === 1 ? DESCRIPTOR_AVAILABLE : DESCRIPTOR_USED;

/** Whether one with these flags is available there. */
export const isAvailableAt = (flags: number, position: number): boolean =>
  (flags & STATE_FLAGS) === availableFlags(position);
