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
import { OpenThreads } from "./open_threads.ts";

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
  /** Every session, or what takes long. */
  readonly takes: "all" | "slow";
  open(): LaneOfBackend;
}

/** Whether every operation of a session takes long. */
const isSlow = ({ service }: SessionDescription): boolean =>
  service === "akcipher";

/** Opens each backend when it is first needed, and closes them all. */
export class OpenBackends {
  readonly #loaded: ReadonlyMap<string, LoadedBackend>;
  /** Those that run on the calling thread … */
  readonly #threads: OpenThreads;
  readonly #sharesThreads: boolean;
  /** … and lanes, of which each guest has its own. */
  readonly #lanes = new OpenThreads();
  readonly #numbers = new Map<BurstThread, number>();

  /** `shared` has what other guests of the thread have opened. */
  constructor(loaded: readonly LoadedBackend[], shared?: OpenThreads) {
    this.#loaded = new Map(loaded.map((entry) => [entry.backend.name, entry]));
    this.#threads = shared ?? new OpenThreads();
    this.#sharesThreads = shared !== undefined;
  }

  /** The number that an opened backend, or a lane of it, has for this guest. */
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
    return this.#openOne(name) !== undefined;
  }

  /** Whether `thread` is the backend `name`, or a lane of it, and open. */
  has(name: string, thread: BurstThread): boolean {
    return this.#threads.get(name) === thread ||
      this.#lanes.get(name) === thread;
  }

  #openOne(name: string): BurstThread | undefined {
    return this.#loaded.get(name)?.lane?.takes === "all"
      ? this.#lanes.get(name)
      : this.#threads.get(name);
  }

  /** The backend `name`, opened on this thread; throws where that fails. */
  thread(name: string): BurstThread {
    const open = this.#openOne(name);
    if (open) return open;
    const loaded = this.#find(name);
    return loaded.lane?.takes === "all"
      ? this.#openLane(name, loaded.lane)
      : this.#threads.add(name, openThread(loaded));
  }

  /**
   * The backend `name` as it is opened for a session, or for those operations of
   * it that take long.
   */
  threadFor(
    name: string,
    description: SessionDescription,
    takesLong = false,
  ): BurstThread {
    const { lane } = this.#find(name);
    return lane?.takes === "slow" && (takesLong || isSlow(description))
      ? this.#lanes.get(name) ?? this.#openLane(name, lane)
      : this.thread(name);
  }

  /** Whether operations of `name` that take long can run elsewhere. */
  hasSlowLane(name: string): boolean {
    return this.#loaded.get(name)?.lane?.takes === "slow";
  }

  #openLane(name: string, lane: BackendLane): BurstThread {
    return this.#lanes.add(name, new LaneAdapter(lane.open()));
  }

  #find(name: string): LoadedBackend {
    const loaded = this.#loaded.get(name);
    if (loaded) return loaded;
    throw new RangeError(`Cannot open backend "${name}": it is not loaded`);
  }

  /** Closes the backend `name`, for all guests; a text says why not. */
  closeOne(name: string): string | undefined {
    return this.#threads.closeOne(name);
  }

  /**
   * Closes all but what other guests share; `failed` hears of those that cannot
   * be.
   */
  close(failed: (name: string, reason: string) => void): void {
    if (!this.#sharesThreads) this.#threads.close(failed);
    this.#lanes.close(failed);
  }
}

function openThread({ backend, options }: LoadedBackend): BurstThread {
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
