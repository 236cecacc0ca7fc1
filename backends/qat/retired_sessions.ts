/**
 * Sessions that are over, but that the library has not let go of: requests of
 * theirs were under way.
 *
 * @module
 */

import type { CpaSession } from "./cpa_session.ts";

/** A guest must not fill the pinned memory with sessions that wait to end. */
const MANY = 64;

export class RetiredSessions {
  readonly #sessions: CpaSession[] = [];

  add(session: CpaSession): void {
    this.#sessions.push(session);
  }

  /** Whether there is room for one more. */
  hasRoom(): boolean {
    if (this.#sessions.length >= MANY) this.remove();
    return this.#sessions.length < MANY;
  }

  /** Removes those that the library lets go of by now. */
  remove(): void {
    for (let i = this.#sessions.length - 1; i >= 0; i--) {
      if (this.#sessions[i]!.tryToRemove()) this.#sessions.splice(i, 1);
    }
  }

  /** After a reset: the library will never let go of what remains. */
  abandon(): void {
    this.remove();
    for (const session of this.#sessions.splice(0)) session.abandon();
  }
}
