/**
 * The backends of a device as one thread has opened them.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import type {
  Backend,
  BackendOptions,
  BackendThread,
} from "../../backends/backend.ts";

/** A loaded backend with the options that it is opened with. */
export interface LoadedBackend {
  readonly backend: Backend;
  readonly options: BackendOptions;
}

/** Opens each backend when it is first needed, and closes them all. */
export class OpenBackends {
  readonly #loaded: ReadonlyMap<string, LoadedBackend>;
  readonly #threads = new Map<string, BackendThread>();

  constructor(loaded: readonly LoadedBackend[]) {
    this.#loaded = new Map(loaded.map((entry) => [entry.backend.name, entry]));
  }

  /** The backend `name`, opened on this thread. */
  thread(name: string): BackendThread {
    let thread = this.#threads.get(name);
    if (!thread) {
      const loaded = this.#loaded.get(name);
      if (!loaded) {
        throw new RangeError(`Cannot open backend "${name}": it is not loaded`);
      }
      thread = loaded.backend.open(loaded.options);
      this.#threads.set(name, thread);
    }
    return thread;
  }

  /** Why `name` cannot have a session like this, or `undefined` if it can. */
  tryOpening(
    name: string,
    description: SessionDescription,
  ): string | undefined {
    try {
      const thread = this.thread(name);
      thread.closeSession(thread.openSession(description));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  close(): void {
    for (const thread of this.#threads.values()) thread.close();
    this.#threads.clear();
  }
}
