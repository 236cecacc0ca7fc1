/**
 * A virtqueue whose requests under way a front-end keeps for the next process. A
 * ring that is not tracked is another object, and pays nothing.
 *
 * @module
 */

import type { InflightPart } from "./inflight_part.ts";
import { OuterVirtqueue } from "./outer_virtqueue.ts";
import { NO_CHAIN, type Virtqueue } from "./virtqueue.ts";

/** Writes down what another virtqueue takes and answers. */
export class TrackedVirtqueue extends OuterVirtqueue {
  readonly #part: InflightPart;
  readonly #takesAgain: boolean;
  readonly #one = new Int32Array(1);
  readonly #oneLength = new Int32Array(1);

  /** `takesAgain`: what is left is this ring's to do; else it only stays marked. */
  constructor(inner: Virtqueue, part: InflightPart, takesAgain: boolean) {
    super(inner);
    this.#part = part;
    this.#takesAgain = takesAgain;
  }

  get #left(): number {
    return this.#takesAgain ? this.#part.left : 0;
  }

  override take(
    into: Int32Array<ArrayBuffer>,
    most: number,
    mostBytes: number,
  ): number {
    if (this.#left > 0) {
      const slot = this.#part.takeAgain();
      if (slot === NO_CHAIN) return 0;
      into[0] = slot;
      return 1;
    }
    const taken = this.inner.take(into, most, mostBytes);
    if (taken > 0) this.#part.taken(into, taken);
    return taken;
  }

  override pop(): number {
    return this.take(this.#one, 1, 1) === 1 ? this.#one[0]! : NO_CHAIN;
  }

  override give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    this.inner.give(slots, writtenBytes, count);
    this.#part.answered(slots, count);
  }

  override push(slot: number, writtenBytes: number): void {
    this.#one[0] = slot;
    this.#oneLength[0] = writtenBytes;
    this.give(this.#one, this.#oneLength, 1);
  }

  override publish(): boolean {
    this.#part.showing();
    const notify = this.inner.publish();
    this.#part.shown();
    return notify;
  }

  override enableNotifications(): boolean {
    return this.inner.enableNotifications() || this.#left > 0;
  }
}
