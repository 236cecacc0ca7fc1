/**
 * The channels of a thread of rings, as far as its sleep goes.
 *
 * @module
 */

import type { LaneChannel } from "./shared_way.ts";

/** All channels of one thread. */
export class LaneChannels {
  readonly #channels: LaneChannel[] = [];

  /** Whether a lane was last on the processor that the thread is on. */
  get shareProcessor(): boolean {
    for (const channel of this.#channels) {
      if (channel.sharesProcessor) return true;
    }
    return false;
  }

  add(channel: LaneChannel): void {
    this.#channels.push(channel);
  }

  /**
   * Has lanes wake the thread from now on; true: something has ended already, so
   * that it must not sleep.
   */
  fallAsleep(): boolean {
    let haveEnded = false;
    for (const channel of this.#channels) {
      if (channel.fallAsleep()) haveEnded = true;
    }
    return haveEnded;
  }

  /**
   * Whether something has been collected since the last call: what one ring collects
   * may be another's, or make room for it.
   */
  takeCollected(): boolean {
    let haveCollected = false;
    for (const channel of this.#channels) {
      if (channel.takeCollected()) haveCollected = true;
    }
    return haveCollected;
  }

  /** No lane needs to wake the thread from now on: it looks for itself. */
  stayAwake(): void {
    for (const channel of this.#channels) channel.stayAwake();
  }
}
