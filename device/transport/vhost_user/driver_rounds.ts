/**
 * How much of a driver's requests to answer at once when it has been waited for.
 *
 * A driver that polls sends its next requests when it sees answers. Where all that
 * it ever has under way is one burst, the two sides take turns, and one of them is
 * idle at any time. Answered in two halves the requests stay two bursts from then
 * on: the driver has one of them while the device has the other, and nobody waits.
 *
 * @module
 */

import { MOST_CHAINS } from "../../ring/virtqueue.ts";

/**
 * Parts are of so many requests, or a multiple: each burst has costs of its own, and
 * a library with lanes wants them full.
 */
const PART = 16;

/** Watches the rounds of one ring: what is answered from one wait to the next. */
export class DriverRounds {
  #answered = 0;
  #isAsleep = false;
  #part: number | undefined;

  /**
   * The most requests of the next burst, which ends a wait; undefined: as many as
   * a burst holds.
   */
  get part(): number | undefined {
    return this.#part;
  }

  /** The driver had to be notified: it does nothing before that. */
  notified(): void {
    this.#isAsleep = true;
  }

  /**
   * A wait begins after `answered` requests in all; `isLast`: what the driver waits
   * for has been answered.
   */
  waits(answered: number, isLast: boolean): void {
    const round = answered - this.#answered;
    const isParted = isLast && !this.#isAsleep && round < 2 * MOST_CHAINS;
    const half = round >> 1;
    this.#part = isParted ? Math.max(PART, half - half % PART) : undefined;
    this.#answered = answered;
    this.#isAsleep = false;
  }
}
