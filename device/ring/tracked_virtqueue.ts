/**
 * A virtqueue whose requests under way a front-end keeps for the next process. A
 * ring that is not tracked is another object, and pays nothing.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import type { ChainSlots } from "./chain_slots.ts";
import type { InflightPart } from "./inflight_part.ts";
import { NO_CHAIN, type Virtqueue } from "./virtqueue.ts";

/** Writes down what another virtqueue takes and answers. */
export class TrackedVirtqueue implements Virtqueue {
  readonly #inner: Virtqueue;
  readonly #part: InflightPart;
  readonly #takesAgain: boolean;
  readonly #one = new Int32Array(1);
  readonly #oneLength = new Int32Array(1);

  /** `takesAgain`: what is left is this ring's to do; else it only stays marked. */
  constructor(inner: Virtqueue, part: InflightPart, takesAgain: boolean) {
    this.#inner = inner;
    this.#part = part;
    this.#takesAgain = takesAgain;
  }

  get #left(): number {
    return this.#takesAgain ? this.#part.left : 0;
  }

  get size(): number {
    return this.#inner.size;
  }

  get broken(): string | undefined {
    return this.#inner.broken;
  }

  get base(): number {
    return this.#inner.base;
  }

  get isPacked(): boolean {
    return this.#inner.isPacked;
  }

  get shown(): number {
    return this.#inner.shown;
  }

  get usedPosition(): number {
    return this.#inner.usedPosition;
  }

  get slots(): ChainSlots {
    return this.#inner.slots;
  }

  get regions(): readonly Region[] {
    return this.#inner.regions;
  }

  take(into: Int32Array<ArrayBuffer>, most: number, mostBytes: number): number {
    if (this.#left > 0) {
      const slot = this.#part.takeAgain();
      if (slot === NO_CHAIN) return 0;
      into[0] = slot;
      return 1;
    }
    const taken = this.#inner.take(into, most, mostBytes);
    if (taken > 0) this.#part.taken(into, taken);
    return taken;
  }

  pop(): number {
    return this.take(this.#one, 1, 1) === 1 ? this.#one[0]! : NO_CHAIN;
  }

  give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    this.#inner.give(slots, writtenBytes, count);
    this.#part.answered(slots, count);
  }

  push(slot: number, writtenBytes: number): void {
    this.#one[0] = slot;
    this.#oneLength[0] = writtenBytes;
    this.give(this.#one, this.#oneLength, 1);
  }

  publish(): boolean {
    this.#part.showing();
    const notify = this.#inner.publish();
    this.#part.shown();
    return notify;
  }

  enableNotifications(): boolean {
    return this.#inner.enableNotifications() || this.#left > 0;
  }

  disableNotifications(): void {
    this.#inner.disableNotifications();
  }
}
