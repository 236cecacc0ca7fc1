/**
 * Which backends of a guest's device are out of order.
 *
 * A backend counts as usable while no queue thread reports it down: a failure
 * of a whole backend shows first on the thread that happened to use it, and the
 * guest may send its next request to any queue.
 *
 * @module
 */

/** How often an idle thread asks the backends that failed on it. */
export const REVIEW_MS = 1000;

/** The health of a device's backends over all of its queue threads. */
export class BackendHealth {
  /** The threads on which each backend is down, and why. */
  readonly #downOn: ReadonlyMap<string, Map<number, string>>;

  /** `backends` are those that sessions can be placed on. */
  constructor(backends: Iterable<string>) {
    this.#downOn = new Map([...backends].map((name) => [name, new Map()]));
  }

  /** Whether at least one backend works. */
  get ready(): boolean {
    return [...this.#downOn.values()].some((threads) => threads.size === 0);
  }

  /**
   * Notes that `backend` stopped working on `thread` (why), or works there again
   * (undefined).
   */
  report(thread: number, backend: string, failure: string | undefined): void {
    const threads = this.#downOn.get(backend);
    if (failure === undefined) threads?.delete(thread);
    else threads?.set(thread, failure);
  }

  /** Why `backend` is down on some thread; undefined where it works on all. */
  failure(backend: string): string | undefined {
    return this.#downOn.get(backend)?.values().next().value;
  }

  /** Forgets what a thread that has ended reported. */
  forget(thread: number): void {
    for (const threads of this.#downOn.values()) threads.delete(thread);
  }
}
