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
  /** Its lane, where not all of it runs on the calling thread. */
  readonly lane?: BackendLane;
}

/** What of a backend runs on a lane. */
export interface BackendLane {
  /** Every session, or those whose operations take long whatever their size. */
  readonly takes: "all" | "slow";
  open(): LaneOfBackend;
}

/** Whether every operation of a session takes long. */
const isSlow = ({ service }: SessionDescription): boolean =>
  service === "akcipher";

/** Opens each backend when it is first needed, and closes them all. */
export class OpenBackends {
  readonly #loaded: ReadonlyMap<string, LoadedBackend>;
  readonly #threads = new Map<string, BackendThread>();
  /** Lanes of backends that run on this thread, too. */
  readonly #slowLanes = new Map<string, BackendThread>();

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
      thread = openThread(this.#find(name));
      this.#threads.set(name, thread);
    }
    return thread;
  }

  /** The backend `name` as it is opened for a session. */
  threadFor(name: string, description: SessionDescription): BackendThread {
    const { lane } = this.#find(name);
    return lane?.takes === "slow" && isSlow(description)
      ? this.#slowLane(name, lane)
      : this.thread(name);
  }

  #slowLane(name: string, lane: BackendLane): BackendThread {
    let thread = this.#slowLanes.get(name);
    if (!thread) {
      thread = lane.open();
      this.#slowLanes.set(name, thread);
    }
    return thread;
  }

  #find(name: string): LoadedBackend {
    const loaded = this.#loaded.get(name);
    if (loaded) return loaded;
    throw new RangeError(`Cannot open backend "${name}": it is not loaded`);
  }

  /** Closes all; `failed` hears of those that cannot be. */
  close(failed: (name: string, reason: string) => void): void {
    const threads = [...this.#threads, ...this.#slowLanes];
    this.#threads.clear();
    this.#slowLanes.clear();
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
  { backend, options, lane }: LoadedBackend,
): BackendThread {
  if (lane?.takes === "all") return lane.open();
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
