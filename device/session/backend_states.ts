/**
 * Which backends of a thread are down. A backend that fails does so for all guests
 * of the thread.
 *
 * @module
 */

/** Hears that a backend stopped working (why), or works again (undefined). */
export type HealthListener = (
  backend: string,
  failure: string | undefined,
) => void;

/** When a failed backend is asked whether it works again. */
const RETRY_MS = 1000;
/**
 * One that fails again so soon after that is asked half as often as the last
 * time: a guest may know a request that it does not survive.
 */
const RELAPSE_MS = 60_000;

interface Down {
  readonly reason: string;
  readonly retryMs: number;
  /** Whether it is not asked, but told of. */
  readonly isHeld: boolean;
  askAgainAt: number;
}

/** What is remembered of a backend that has failed and recovered. */
interface Recovery {
  /** How often it has; sessions from before are gone with it. */
  readonly generation: number;
  readonly retryMs: number;
  readonly at: number;
}

/** The states of a thread's backends. */
export class BackendStates {
  readonly #down = new Map<string, Down>();
  readonly #recoveries = new Map<string, Recovery>();
  readonly #listeners = new Set<HealthListener>();
  #epoch = 0;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Changes whenever a backend fails or recovers. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether a backend is down. */
  get areDown(): boolean {
    return this.#down.size > 0;
  }

  /** Changes when the backend has recovered and its sessions must be reopened. */
  generation(name: string): number {
    return this.#recoveries.get(name)?.generation ?? 0;
  }

  /** Why a backend is down; undefined where it is not. */
  failure(name: string): string | undefined {
    return this.#down.get(name)?.reason;
  }

  /** The backends that are down. */
  get down(): readonly string[] {
    return [...this.#down.keys()];
  }

  /**
   * Tells `listener` what is down, and every change from now on; returns how to
   * stop it.
   */
  observe(listener: HealthListener): () => void {
    for (const [name, { reason }] of this.#down) listener(name, reason);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the observers of something that changes no state. */
  tell(name: string, failure: string | undefined): void {
    for (const listener of this.#listeners) listener(name, failure);
  }

  /** Notes that a backend has failed as a whole. */
  failed(name: string, reason: string): void {
    if (!this.#down.has(name)) this.#note(name, reason, false);
  }

  /** The same, and nobody asks it: {@linkcode release} says that it works. */
  hold(name: string, reason: string): void {
    this.#note(name, reason, true);
  }

  /** What held a backend is over. */
  release(name: string): void {
    const down = this.#down.get(name);
    if (down?.isHeld) this.#recovered(name, down.retryMs, this.#now());
  }

  #note(name: string, reason: string, isHeld: boolean): void {
    const now = this.#now();
    const last = this.#recoveries.get(name);
    const retryMs = last && now - last.at < RELAPSE_MS
      ? Math.min(2 * last.retryMs, RELAPSE_MS)
      : RETRY_MS;
    const askAgainAt = now + retryMs;
    this.#down.set(name, { reason, retryMs, isHeld, askAgainAt });
    this.#epoch++;
    this.tell(name, reason);
  }

  /**
   * Whether a backend may be given work; one that has failed is asked by
   * `saysSo` now and then.
   */
  works(name: string, saysSo: (name: string) => boolean): boolean {
    if (this.#down.size === 0) return true;
    const down = this.#down.get(name);
    if (!down) return true;
    if (down.isHeld) return false;
    const now = this.#now();
    if (now < down.askAgainAt) return false;
    down.askAgainAt = now + down.retryMs;
    if (!saysSo(name)) return false;
    this.#recovered(name, down.retryMs, now);
    return true;
  }

  #recovered(name: string, retryMs: number, at: number): void {
    const generation = this.generation(name) + 1;
    this.#recoveries.set(name, { generation, retryMs, at });
    this.#down.delete(name);
    this.#epoch++;
    this.tell(name, undefined);
  }
}
