/**
 * The backends of a thread, opened once for all guests whose devices have them.
 *
 * @module
 */

import { BackendStates } from "./backend_states.ts";
import type { CallGuard } from "./call_guard.ts";
import { OpenThreads } from "./open_threads.ts";
import { RouteTable } from "./route_table.ts";
import type { SharedParts } from "./thread_backends.ts";

/** What of a device's backends all guests of a thread have in common. */
export interface SharedSet extends SharedParts {
  readonly threads: OpenThreads;
}

/** A backend with what it was loaded by and is opened with. */
interface NamedBackend {
  readonly name: string;
  readonly specifier: string;
  readonly options: Readonly<Record<string, string>>;
}

/** The same for the same backends with the same options, in whatever order. */
function keyOf(backends: readonly NamedBackend[]): string {
  const keys = backends.map(({ specifier, options }) =>
    JSON.stringify([specifier, Object.entries(options).sort()])
  );
  return keys.sort().join();
}

/** The sets of backends that devices of a thread have. */
export class SharedBackends {
  readonly #sets = new Map<string, SharedSet>();
  readonly #guard: CallGuard | undefined;
  /** Why backends are not to be called, by their names. */
  readonly #held = new Map<string, string>();

  /** `guard` tells which call the thread is in. */
  constructor(guard?: CallGuard) {
    this.#guard = guard;
  }

  /**
   * Another thread is stuck in a call of a backend: it gets no more work here, in
   * whatever set it is. Without a reason: that is over.
   */
  hold(name: string, reason: string | undefined): void {
    if (reason === undefined) this.#held.delete(name);
    else this.#held.set(name, reason);
    for (const { states } of this.#sets.values()) {
      if (reason === undefined) states.release(name);
      else states.hold(name, reason);
    }
  }

  /** The thread's set of these backends. */
  of(backends: readonly NamedBackend[]): SharedSet {
    const key = keyOf(backends);
    let set = this.#sets.get(key);
    if (!set) {
      set = {
        threads: new OpenThreads(),
        states: new BackendStates(),
        table: new RouteTable(),
        guard: this.#guard,
      };
      for (const [name, reason] of this.#held) set.states.hold(name, reason);
      this.#sets.set(key, set);
    }
    return set;
  }

  /** Closes all backends. */
  close(): void {
    for (const { threads, states } of this.#sets.values()) {
      threads.close((name, reason) => states.tell(name, reason));
    }
    this.#sets.clear();
  }
}
