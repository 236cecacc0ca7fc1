/**
 * The driver's side of a pair of rings, sense or nonsense: what it writes, both
 * memories get.
 *
 * @module
 */

import { type RingKind, RingPair } from "./ring_pair.ts";
import type { Stretch } from "./twin_memory.ts";

const AVAILABLE = 1 << 7;
const USED = 1 << 15;

/** How AVAIL and USED of a packed descriptor are to the wrap counter of its place. */
export const enum Mark {
  Available,
  /** Both as the counter. */
  Used,
  /** Both as the counter was. */
  UsedBefore,
  /** Available in another lap. */
  OtherLap,
}

/** Writes descriptors in the order in which the device takes them. */
export class RingDriver {
  readonly pair: RingPair;
  readonly #size: number;
  readonly #packed: boolean;

  constructor(kind: RingKind, stretches: readonly Stretch[], base?: number) {
    this.pair = new RingPair(kind, stretches, base);
    this.#size = kind.size;
    this.#packed = kind.packed;
  }

  /** Goes on with new rings, where the split used index stands or at `base`. */
  restart(base: number): void {
    const { pair } = this;
    if (!this.#packed) {
      pair.memory.setU16(pair.driverPlace + 2, base);
      pair.memory.setU16(pair.devicePlace + 2, base);
    }
    pair.start(base);
  }

  /**
   * Writes a descriptor. Split: the one of that index. Packed: the one so far
   * behind the next that the device takes, marked as `mark` says.
   */
  descriptor(index: number, bytes: Uint8Array, mark = Mark.Available): void {
    const { memory, descriptorPlace, base } = this.pair;
    if (!this.#packed) {
      memory.set(descriptorPlace + 16 * index, bytes);
      return;
    }
    const position = (base & 0x7fff) + index;
    const lap = Math.floor(position / this.#size);
    const wrap = ((base >>> 15) + lap) & 1;
    const place = descriptorPlace + 16 * (position % this.#size);
    const available = mark === Mark.Available || mark === Mark.Used
      ? wrap
      : 1 - wrap;
    const used = mark === Mark.Used || mark === Mark.OtherLap ? wrap : 1 - wrap;
    memory.set(place, bytes);
    const flags = bytes[14]! | bytes[15]! << 8;
    memory.setU16(
      place + 14,
      (flags & ~(AVAILABLE | USED)) | available * AVAILABLE | used * USED,
    );
  }

  /** Split: makes chains available by their heads. */
  offer(heads: readonly number[]): void {
    const { memory, driverPlace, base } = this.pair;
    for (const [i, head] of heads.entries()) {
      const entry = ((base + i) & 0xffff) % this.#size;
      memory.setU16(driverPlace + 4 + 2 * entry, head);
    }
    this.availableIndex(base + heads.length);
  }

  availableIndex(index: number): void {
    this.pair.memory.setU16(this.pair.driverPlace + 2, index & 0xffff);
  }

  /**
   * Says when the driver wants to hear: by flags, and at the used entry so many
   * behind the next one.
   */
  suppress(flags: number, distance: number): void {
    const { memory, devicePlace, base } = this.pair;
    const size = this.#size;
    if (!this.#packed) {
      const [used] = memory.u16(devicePlace + 2);
      this.suppressAt(flags, (used + distance) & 0xffff);
      return;
    }
    const laps = 2 * size;
    const start = (base >>> 16 & 0x7fff) + (base >>> 31 ^ 1) * size;
    const position = (((start + distance) % laps) + laps) % laps;
    const wrap = position < size ? 1 << 15 : 0;
    this.suppressAt(flags, position % size | wrap);
  }

  /** The same with the field for the event as it is. */
  suppressAt(flags: number, event: number): void {
    const { memory, driverPlace } = this.pair;
    const eventOffset = this.#packed ? 0 : 4 + 2 * this.#size;
    memory.setU16(driverPlace + eventOffset, event);
    memory.setU16(driverPlace + (this.#packed ? 2 : 0), flags);
  }

  /** Pops all buffers that are there, at most `limit`. */
  popAll(limit = Infinity): number {
    return this.pair.popAll(limit);
  }

  /**
   * Serves all that is available in one burst; where the ring breaks, it goes on
   * with another at `base`. `turn` varies what is free to vary.
   */
  burst(turn: number, base: number): void {
    const { pair } = this;
    this.popAll();
    while (pair.out.length > 0) {
      const last = pair.out.length - 1;
      pair.push((turn & 1) === 0 ? 0 : last, [0, 1, 3, 200][turn >> 1 & 3]!);
    }
    pair.publish();
    if ((turn & 4) === 0) pair.enable();
    else pair.disable();
    if (pair.isBroken) this.restart(base);
  }
}
