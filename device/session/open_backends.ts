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
  BurstThread,
  Operation,
} from "../../backends/backend.ts";
import { OperationsAdapter } from "../../backends/operations_adapter.ts";
import type { RequestBurst } from "../../backends/request_burst.ts";
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

/** A lane as a backend that runs bursts. */
export class LaneAdapter extends OperationsAdapter {
  readonly #lane: LaneOfBackend;

  constructor(lane: LaneOfBackend) {
    super(lane);
    this.#lane = lane;
  }

  tryOpening(description: SessionDescription): Promise<string | undefined> {
    return this.#lane.tryOpening(description);
  }

  /** Fails, at the next poll, a request that is under way. */
  fail(burst: RequestBurst, slot: number): void {
    const operation = this.pendingAt(burst, slot);
    if (operation) this.#lane.abandon(operation);
  }

  override abandon(burst: RequestBurst, slot: number): void {
    this.fail(burst, slot);
    super.abandon(burst, slot);
  }
}

/** Whether a backend runs on a lane. */
export const isLane = (thread: BurstThread): thread is LaneAdapter =>
  thread instanceof LaneAdapter;

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
  readonly #threads = new Map<string, BurstThread>();
  readonly #numbers = new Map<BurstThread, number>();
  /** Lanes of backends that run on this thread, too. */
  readonly #slowLanes = new Map<string, BurstThread>();

  constructor(loaded: readonly LoadedBackend[]) {
    this.#loaded = new Map(loaded.map((entry) => [entry.backend.name, entry]));
  }

  /** The number that an opened backend, or a lane of it, has on this thread. */
  numberOf(thread: BurstThread): number {
    let number = this.#numbers.get(thread);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(thread, number);
    }
    return number;
  }

  /** Whether the backend `name` is open on this thread. */
  isOpen(name: string): boolean {
    return this.#threads.has(name);
  }

  /** The backend `name`, opened on this thread; throws where that fails. */
  thread(name: string): BurstThread {
    let thread = this.#threads.get(name);
    if (!thread) {
      thread = openThread(this.#find(name));
      this.#threads.set(name, thread);
    }
    return thread;
  }

  /** The backend `name` as it is opened for a session. */
  threadFor(name: string, description: SessionDescription): BurstThread {
    const { lane } = this.#find(name);
    return lane?.takes === "slow" && isSlow(description)
      ? this.#slowLane(name, lane)
      : this.thread(name);
  }

  #slowLane(name: string, lane: BackendLane): BurstThread {
    let thread = this.#slowLanes.get(name);
    if (!thread) {
      thread = new LaneAdapter(lane.open());
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
): BurstThread {
  if (lane?.takes === "all") return new LaneAdapter(lane.open());
  switch (backend.runs) {
    case undefined:
    case "operations":
    case "blocking":
      return new OperationsAdapter(backend.open(options));
    case "bursts":
      return backend.open(options);
    default:
      throw new TypeError(
        `Cannot open backend "${backend.name}": it runs "${backend.runs}"`,
      );
  }
}
