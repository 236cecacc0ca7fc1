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

/** Gives out numbers, small ones again. */
export class RouteTable {
  /** By number. */
  readonly routes: (Route | undefined)[] = [];
  readonly #free: number[] = [];
  #next = 0;

  /** A number that no session has. */
  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  /** Gives a number back: no backend knows a session by it. */
  give(number: number): void {
    this.#free.push(number);
  }
}
