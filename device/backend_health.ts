/**
 * Which backends of a guest's device are out of order.
 *
 * A backend counts as usable while no thread reports it down: a failure of a whole
 * backend shows first on the thread that happened to use it, and the guest may send
 * its next request to any queue.
 *
 * @module
 */

import { releaseTimer } from "./release_timer.ts";

/** How often an idle thread asks the backends that failed on it. */
export const REVIEW_MS = 1000;

/** The health of a device's backends over all of its threads. */
export class BackendHealth {
  /** The threads on which each backend is down, and why. */
  readonly #downOn: ReadonlyMap<string, Map<number, string>>;
  /** How often each has failed as a whole, on whichever thread. */
  readonly #failures = new Map<string, number>();
  readonly #readyChanged: () => void;

  /**
   * `backends` are those that sessions can be placed on; `readyChanged` hears of
   * another {@linkcode ready}.
   */
  constructor(backends: Iterable<string>, readyChanged: () => void) {
    this.#downOn = new Map([...backends].map((name) => [name, new Map()]));
    this.#readyChanged = readyChanged;
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
    if (failure !== undefined) {
      this.#failures.set(backend, this.failureCount(backend) + 1);
    }
    const threads = this.#downOn.get(backend);
    this.#change(() => {
      if (failure === undefined) threads?.delete(thread);
      else threads?.set(thread, failure);
    });
  }

  /** Why `backend` is down on some thread; undefined where it works on all. */
  failure(backend: string): string | undefined {
    return this.#downOn.get(backend)?.values().next().value;
  }

  /** How often it has failed as a whole, on whichever thread. */
  failureCount(backend: string): number {
    return this.#failures.get(backend) ?? 0;
  }

  /** Forgets what a thread that has ended reported. */
  forget(thread: number): void {
    this.#change(() => {
      for (const threads of this.#downOn.values()) threads.delete(thread);
    });
  }

  #change(change: () => void): void {
    const before = this.ready;
    change();
    if (this.ready !== before) this.#readyChanged();
  }
}

/**
 * Has the backends that are down on this thread looked at from time to time: an
 * idle device asks nothing of them, so that nobody would notice.
 */
export class BackendReview {
  readonly #down = new Set<string>();
  readonly #review: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(review: () => void) {
    this.#review = review;
  }

  /** Notes that a backend stopped working here (why), or works again (undefined). */
  noted(backend: string, failure: string | undefined): void {
    if (failure === undefined) this.#down.delete(backend);
    else this.#down.add(backend);
    if (this.#down.size === 0) return this.end();
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(this.#review, REVIEW_MS);
    // A program that has ended does not wait for a backend.
    releaseTimer(this.#timer);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
