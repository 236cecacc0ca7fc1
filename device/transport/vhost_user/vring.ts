/**
 * One ring: what has been said of it, and its descriptors.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { RingPlan } from "./driver_life.ts";
import { newRingState, type RingState } from "./front_end_state.ts";
import type { KickedRing, PassedKick } from "./passed_kick.ts";

/** A ring of a front-end, running or not. */
export class Vring implements KickedRing {
  readonly index: number;
  readonly state: RingState;
  /** How it runs; undefined while it does not. */
  runs: RingPlan | undefined;
  /** It may run, and waits for what other rings tell of the driver. */
  waits = false;
  /**
   * It ran when the process before ended, and has not since: where it stands, it
   * tells itself.
   */
  resumes = false;
  /** It may run, when the thread that is stuck with its requests is no more. */
  isStuck = false;
  /** A thread that is stuck has requests of it, which it goes on without. */
  isHeld = false;
  /** Settled when such requests are its own again, while they become that. */
  returning: Promise<void> | undefined;
  /** It may run, and its memory is not shared at present. */
  away = false;
  kickFd = -1;
  passedKick: PassedKick | undefined;
  callFd = -1;
  errorFd = -1;
  readonly #libc: Libc;

  constructor(libc: Libc, index: number, state: RingState) {
    this.#libc = libc;
    this.index = index;
    this.state = state;
  }

  get running(): boolean {
    return this.runs !== undefined;
  }

  /** Back to the initial state, but for the descriptors. */
  reset(): void {
    this.isStuck = false;
    this.isHeld = false;
    Object.assign(this.state, newRingState());
  }

  /** Closes the kick descriptor; nobody may still use it. */
  closeKick(): void {
    this.passedKick?.close();
    this.passedKick = undefined;
    if (this.kickFd >= 0) closeForeign(this.#libc, this.kickFd);
    this.kickFd = -1;
  }

  /** Closes all descriptors; nobody may still use them. */
  close(): void {
    this.closeKick();
    for (const fd of [this.callFd, this.errorFd]) {
      if (fd >= 0) closeForeign(this.#libc, fd);
    }
    this.callFd = -1;
    this.errorFd = -1;
  }
}
