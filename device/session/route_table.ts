/**
 * The sessions that a thread has opened on its backends, by number. Backends know
 * them by it, whatever guest they are of.
 *
 * @module
 */

import type { BurstThread } from "../../backends/backend.ts";

/** A session on one backend of this thread. */
export interface Route {
  readonly backend: string;
  /** Number of the backend among those of the guest, or of its lane. */
  readonly backendNumber: number;
  readonly thread: BurstThread;
  /** Number of the session there; no two routes of a thread have the same. */
  readonly number: number;
  readonly generation: number;
  /** Whether it is for operations that take long. */
  readonly takesLong: boolean;
}

const FIRST_ROUTES = 64;

/** Gives out numbers, small ones again. */
export class RouteTable {
  /** By number. */
  readonly routes: (Route | undefined)[] = [];
  /** By number: the series of its guest that its requests are counted in. */
  series = new Int32Array(FIRST_ROUTES);
  readonly #free: number[] = [];
  #next = 0;

  /** A number that no session has. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const number = this.#next++;
    if (number === this.series.length) {
      const grown = new Int32Array(2 * number);
      grown.set(this.series);
      this.series = grown;
    }
    return number;
  }

  /** Gives a number back: no backend knows a session by it. */
  give(number: number): void {
    this.#free.push(number);
  }
}
