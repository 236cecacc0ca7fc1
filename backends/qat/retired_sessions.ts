/**
 * Sessions that are over, but that the library has not let go of: requests of
 * theirs were under way.
 *
 * @module
 */

/** A guest must not fill the pinned memory with sessions that wait to end. */
const MANY = 64;

/** A session that is over for its guest. */
export interface RetiredSession {
  /** Whether the library has let go of the session, which is then gone. */
  tryToRemove(): boolean;
  /**
   * Wipes a session that the library will never let go of, after a reset of the
   * device. The memory stays: the library may still count in it.
   */
  abandon(): void;
}

export class RetiredSessions {
  readonly #sessions: RetiredSession[] = [];

  add(session: RetiredSession): void {
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
