/**
 * How long an idle queue thread looks for more before it sleeps: for requests as
 * long as the operator says, and where that pays; for the answers of a lane longer,
 * since one that is about to come costs two threads less than being woken.
 *
 * @module
 */

import { Patience } from "../../lane/patience.ts";
import { SpinPolicy } from "./spin_policy.ts";
import { RestWord } from "./thread_rest.ts";

/** How long it looks for the answers of a lane. */
const LANE_SPIN_MS = 0.2;

/** The spins of one thread; times in milliseconds. */
export class IdleSpin {
  readonly #spinMs: number;
  readonly #rest: Float64Array;
  readonly #policy = new SpinPolicy();
  readonly #patience = new Patience();
  #until = 0;
  #isForLane = false;

  /** `rest`: where spins are counted, indexed by `RestWord`. */
  constructor(spinMs: number, rest: Float64Array) {
    this.#spinMs = spinMs;
    this.#rest = rest;
  }

  /**
   * Whether to spin now that there is nothing to do, after `requests` requests in
   * all; `waitsForLane`: a lane has some of them.
   */
  begins(nowMs: number, requests: number, waitsForLane: boolean): boolean {
    if (this.#isForLane) this.#patience.found();
    this.#isForLane = waitsForLane && this.#patience.looks();
    this.#until = nowMs + (this.#isForLane ? LANE_SPIN_MS : this.#spinMs);
    const rest = this.#rest;
    const spins = this.#isForLane ||
      this.#policy.decide(nowMs, requests, rest[RestWord.SleptMs]!);
    if (spins) rest[RestWord.Spins]!++;
    return spins;
  }

  /** Whether a spin has been in vain. */
  isOver(nowMs: number): boolean {
    if (nowMs < this.#until) return false;
    this.#rest[RestWord.SpinsInVain]!++;
    if (this.#isForLane) this.#patience.lookedInVain();
    this.#isForLane = false;
    return true;
  }
}
