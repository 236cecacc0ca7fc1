/**
 * Backends that are open on a thread, by name.
 *
 * @module
 */

import type { BurstThread } from "../../backends/backend.ts";
import { reasonOf } from "./failure.ts";

/** Closes each once. */
export class OpenThreads {
  readonly #threads = new Map<string, BurstThread>();

  /** The backend as it is open; undefined where it is not. */
  get(name: string): BurstThread | undefined {
    return this.#threads.get(name);
  }

  /** Keeps what has been opened, and returns it. */
  add(name: string, thread: BurstThread): BurstThread {
    this.#threads.set(name, thread);
    return thread;
  }

  /** Closes one; a text says why that was impossible. */
  closeOne(name: string): string | undefined {
    const thread = this.#threads.get(name);
    this.#threads.delete(name);
    try {
      thread?.close();
      return undefined;
    } catch (error) {
      return `it cannot be closed: ${reasonOf(error)}`;
    }
  }

  /** Closes all; `failed` hears of those that cannot be. */
  close(failed: (name: string, reason: string) => void): void {
    for (const name of [...this.#threads.keys()]) {
      const problem = this.closeOne(name);
      if (problem !== undefined) failed(name, problem);
    }
  }
}
