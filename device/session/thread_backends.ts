/**
 * The backends of a queue thread with their health: one that fails is left
 * alone until it says that it works again.
 *
 * @module
 */

import type { BackendThread } from "../../backends/backend.ts";
import type { OpenBackends } from "./open_backends.ts";

/** Hears that a backend stopped working (why), or works again (undefined). */
export type HealthListener = (
  backend: string,
  failure: string | undefined,
) => void;

/** How often a failed backend is asked whether it works again. */
const RETRY_MS = 1000;

interface Down {
  readonly reason: string;
  askAgainAt: number;
}

/** Opens backends and remembers which of them are down. */
export class ThreadBackends {
  readonly #open: OpenBackends;
  readonly #down = new Map<string, Down>();
  readonly #listener: HealthListener;
  #epoch = 0;
  /** Counts the recoveries of a backend: older sessions are gone with it. */
  readonly #generations = new Map<string, number>();

  constructor(open: OpenBackends, listener: HealthListener) {
    this.#open = open;
    this.#listener = listener;
  }

  /** Changes whenever a backend fails or recovers. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The backend, opened; throws where it cannot be opened. */
  thread(name: string): BackendThread {
    return this.#open.thread(name);
  }

  /** Changes when the backend has recovered and its sessions must be reopened. */
  generation(name: string): number {
    return this.#generations.get(name) ?? 0;
  }

  /** Notes that the backend failed. */
  failed(name: string, reason: string): void {
    if (this.#down.has(name)) return;
    this.#down.set(name, { reason, askAgainAt: performance.now() + RETRY_MS });
    this.#epoch++;
    this.#listener(name, reason);
  }

  /** Whether the backend may be given work; asks a failed one now and then. */
  works(name: string): boolean {
    if (this.#down.size === 0) return true;
    const down = this.#down.get(name);
    if (!down) return true;
    const now = performance.now();
    if (now < down.askAgainAt) return false;
    down.askAgainAt = now + RETRY_MS;
    return this.#hasRecovered(name);
  }

  #hasRecovered(name: string): boolean {
    try {
      const thread = this.#open.thread(name);
      // A backend that cannot tell stays down.
      if (!thread.health || thread.health() !== undefined) return false;
    } catch {
      return false;
    }
    this.#down.delete(name);
    this.#generations.set(name, this.generation(name) + 1);
    this.#epoch++;
    this.#listener(name, undefined);
    return true;
  }

  /** Asks every failed backend again that is due; for idle threads. */
  review(): void {
    for (const name of [...this.#down.keys()]) this.works(name);
  }

  close(): void {
    this.#open.close();
  }
}
