/**
 * How a lane looks for more before its event loop waits: a request that comes at
 * once then costs no wake-up.
 *
 * It looks only while no operation is under way, since what an operation waits for
 * may need the event loop, and only where that pays. Between two looks the loop has a
 * turn.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { Patience } from "./patience.ts";

/** How long it looks at most. */
const LOOK_MS = 0.2;
/** Looks between two at the clock, which costs more than a look. */
const LOOKS_PER_CLOCK = 16;

/** A channel as it is looked at. */
export interface LookedAt {
  /** Whether something has been sent that was not taken. */
  readonly hasMore: boolean;
  /** Whether its sender was last on the processor that the lane is on. */
  readonly sharesProcessor: boolean;
  /** Takes all that has been sent. */
  take(): void;
  /** Its sender need not ring from now on … */
  stayAwake(): void;
  /** … and has to again for what this does not find; whether it has found more. */
  fallAsleep(): boolean;
}

/** Looks at the channels of a lane. */
export class Lookout {
  readonly #channels = new Set<LookedAt>();
  readonly #isBusy: () => boolean;
  readonly #patience = new Patience();
  #isDue = false;

  /** `isBusy`: whether an operation is under way. */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  add(channel: LookedAt): void {
    this.#channels.add(channel);
  }

  remove(channel: LookedAt): void {
    this.#channels.delete(channel);
  }

  /** To be called when something has been taken, or has ended. */
  lookSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    for (const channel of this.#channels) channel.stayAwake();
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isDue = false;
    if (this.#isBusy() || !this.#finds()) {
      let hasMore = false;
      for (const channel of this.#channels) {
        if (channel.fallAsleep()) hasMore = true;
      }
      if (!hasMore) return;
    }
    for (const channel of this.#channels) channel.take();
    this.lookSoon();
  };

  /** Looks for a while; whether more has been sent. */
  #finds(): boolean {
    if (this.#isInTheWay() || !this.#patience.looks()) return false;
    const found = this.#look();
    if (found) this.#patience.found();
    else this.#patience.lookedInVain();
    return found;
  }

  /** Who is to answer may need this processor. */
  #isInTheWay(): boolean {
    for (const channel of this.#channels) {
      if (channel.sharesProcessor) return true;
    }
    return false;
  }

  #look(): boolean {
    const until = performance.now() + LOOK_MS;
    for (;;) {
      for (let look = 0; look < LOOKS_PER_CLOCK; look++) {
        for (const channel of this.#channels) if (channel.hasMore) return true;
      }
      if (performance.now() >= until) return false;
    }
  }
}
