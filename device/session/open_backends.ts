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
  Operation,
} from "../../backends/backend.ts";
import { reasonOf } from "./failure.ts";

/**
 * A backend that does not run on the calling thread: its operations stay pending,
 * and who waits for them is woken when they have ended.
 */
export interface LaneOfBackend extends BackendThread {
  readonly wakes: true;
  /** Why the backend cannot have such a session; undefined where it can. */
  tryOpening(description: SessionDescription): Promise<string | undefined>;
  /**
   * Fails an operation that is under way, because its ring stops. It runs on
   * copies: nobody writes to the guest's memory any more.
   */
  abandon(operation: Operation): void;
}

/** Whether a backend runs on a lane. */
export const isLane = (thread: BackendThread): thread is LaneOfBackend =>
  "wakes" in thread;

/** A loaded backend with the options that it is opened with. */
export interface LoadedBackend {
  readonly backend: Backend;
  readonly options: BackendOptions;
  /** Opens its lane, where it does not run on the calling thread itself. */
  readonly openLane?: () => LaneOfBackend;
}

/** Opens each backend when it is first needed, and closes them all. */
export class OpenBackends {
  readonly #loaded: ReadonlyMap<string, LoadedBackend>;
  readonly #threads = new Map<string, BackendThread>();

  constructor(loaded: readonly LoadedBackend[]) {
    this.#loaded = new Map(loaded.map((entry) => [entry.backend.name, entry]));
  }

  /** Whether the backend `name` is open on this thread. */
  isOpen(name: string): boolean {
    return this.#threads.has(name);
  }

  /** The backend `name`, opened on this thread; throws where that fails. */
  thread(name: string): BackendThread {
    let thread = this.#threads.get(name);
    if (!thread) {
      const loaded = this.#loaded.get(name);
      if (!loaded) {
        throw new RangeError(`Cannot open backend "${name}": it is not loaded`);
      }
      thread = openThread(loaded);
      this.#threads.set(name, thread);
    }
    return thread;
  }

  /** Closes all; `failed` hears of those that cannot be. */
  close(failed: (name: string, reason: string) => void): void {
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const [name, thread] of threads) {
      try {
        thread.close();
      } catch (error) {
        failed(name, `it cannot be closed: ${reasonOf(error)}`);
      }
    }
  }
}

function openThread(
  { backend, options, openLane }: LoadedBackend,
): BackendThread {
  if (openLane) return openLane();
  switch (backend.runs) {
    case undefined:
    case "operations":
    case "blocking":
      return backend.open(options);
    default:
      throw new TypeError(
        `Cannot open backend "${backend.name}": it runs "${backend.runs}"`,
      );
  }
}
