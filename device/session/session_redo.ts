/**
 * What the process before had done when it ended, and not yet told: asked again,
 * it is told and not done twice. Who asks has an origin, a number that is the
 * same when it asks again, and that nobody else ever has.
 *
 * @module
 */

/** The most requests of a guest that can have been done and not told. */
export const MOST_UNTOLD = 64;

/** Sessions that were opened and closed last, by who asked for it. */
export class SessionRedo {
  readonly #opened: Map<number, number>;
  readonly #closed: Map<number, number>;

  /** Both are identifiers by origin. */
  constructor(
    opened: Iterable<readonly [origin: number, id: number]> = [],
    closed: Iterable<readonly [origin: number, id: number]> = [],
  ) {
    this.#opened = new Map(opened);
    this.#closed = new Map(closed);
  }

  /** The session that `origin` has had opened already. */
  opened(origin: number): number | undefined {
    return this.#take(this.#opened, origin);
  }

  /** The session that `origin` has had closed already. */
  closed(origin: number): number | undefined {
    return this.#take(this.#closed, origin);
  }

  #take(done: Map<number, number>, origin: number): number | undefined {
    const id = done.get(origin);
    done.delete(origin);
    return id;
  }
}
