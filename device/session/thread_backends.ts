/**
 * The backends of a thread with their health. Every call of a backend is made
 * here, since a plugin may throw at any of them, and one that fails as a whole is
 * left alone until it says that it works again.
 *
 * @module
 */

import {
  type SessionDescription,
  wipeKeys,
} from "../../algorithms/session_description.ts";
import { type BurstThread, OperationStatus } from "../../backends/backend.ts";
import {
  ContractBreach,
  promiseBreach,
} from "../../backends/contract_check.ts";
import type { RequestBurst } from "../../backends/request_burst.ts";
import type { GuestKeys } from "../keys/guest_keys.ts";
import { BackendStates } from "./backend_states.ts";
import { type CallGuard, GuardedMethod } from "./call_guard.ts";
import { reasonOf } from "./failure.ts";
import {
  isLane,
  type LaneAdapter,
  type OpenBackends,
} from "./open_backends.ts";
import { RouteTable } from "./route_table.ts";
import type { Eventual } from "./steps.ts";

/** What guests of a thread have in common on their backends. */
export interface SharedParts {
  readonly states: BackendStates;
  readonly table: RouteTable;
  /** Says which call the thread is in; absent where nobody looks. */
  readonly guard?: CallGuard | undefined;
}

/** Opens and calls backends, and remembers which of them are down. */
export class ThreadBackends {
  readonly #open: OpenBackends;
  /** The sessions that are open on the backends, also those of other guests. */
  readonly table: RouteTable;
  /** Keys of the store that sessions of this guest may use. */
  readonly keys: GuestKeys | undefined;
  readonly #states: BackendStates;
  readonly #guard: CallGuard | undefined;

  /** `shared` is the thread's, where its guests share backends. */
  constructor(
    open: OpenBackends,
    { states, table, guard }: Partial<SharedParts> = {},
    keys?: GuestKeys,
  ) {
    this.#open = open;
    this.#states = states ?? new BackendStates();
    this.table = table ?? new RouteTable();
    this.#guard = guard;
    this.keys = keys;
  }

  /** Changes whenever a backend fails or recovers. */
  get epoch(): number {
    return this.#states.epoch;
  }

  /** Changes when the backend has recovered and its sessions must be reopened. */
  generation(name: string): number {
    return this.#states.generation(name);
  }

  /** The number that an opened backend, or a lane of it, has on this thread. */
  numberOf(thread: BurstThread): number {
    return this.#open.numberOf(thread);
  }

  /** The backend as it is opened for such a session. */
  threadFor(
    name: string,
    description: SessionDescription,
    takesLong = false,
  ): BurstThread {
    return this.#open.threadFor(name, description, takesLong);
  }

  /** Whether operations of `name` that take long can run elsewhere. */
  hasSlowLane(name: string): boolean {
    return this.#open.hasSlowLane(name);
  }

  /**
   * Opens a session and returns the number that it has on this thread. A text
   * says why there is none: the backend does not have this one, or it has failed
   * as a whole, and then it no longer works.
   */
  openSession(
    name: string,
    description: SessionDescription,
    takesLong = false,
  ): number | string {
    const thread = this.#opened(name, description, takesLong);
    if (typeof thread === "string") return thread;
    const number = this.table.take();
    const withKey = this.keys?.withKey(description);
    this.#guard?.enter(GuardedMethod.OpenSession, name);
    try {
      const returned: unknown = thread.openSession(
        withKey ?? description,
        number,
      );
      const breach = promiseBreach("openSession()", returned);
      if (breach === undefined) return number;
      throw new ContractBreach(breach);
    } catch (error) {
      this.table.give(number);
      const reason = reasonOf(error);
      if (!(error instanceof ContractBreach)) {
        return this.#refused(name, thread, reason);
      }
      this.backendFailed(name, reason);
      return reason;
    } finally {
      if (withKey) wipeKeys(withKey);
      this.#guard?.leave();
    }
  }

  /** What refuses a session may be a backend that can have none any more. */
  #refused(name: string, thread: BurstThread, reason: string): string {
    const failure = healthOf(thread);
    if (failure === undefined) return reason;
    this.backendFailed(name, failure);
    return failure;
  }

  #opened(
    name: string,
    description: SessionDescription,
    takesLong = false,
  ): BurstThread | string {
    this.#guard?.enter(GuardedMethod.Open, name);
    try {
      return this.#open.threadFor(name, description, takesLong);
    } catch (error) {
      const reason = `it cannot be opened: ${reasonOf(error)}`;
      this.backendFailed(name, reason);
      return reason;
    } finally {
      this.#guard?.leave();
    }
  }

  /**
   * Why `name` cannot have a session like this now; undefined where it can. A
   * lane tells later.
   */
  tryOpening(
    name: string,
    description: SessionDescription,
  ): Eventual<string | undefined> {
    if (!this.works(name)) return this.#states.failure(name)!;
    const thread = this.#opened(name, description);
    if (typeof thread === "string") return thread;
    if (isLane(thread)) return this.#tryLane(thread, description);
    const session = this.openSession(name, description);
    return typeof session === "string"
      ? session
      : this.closeSession(name, thread, session);
  }

  /** The lane has copied the description when this returns. */
  #tryLane(
    lane: LaneAdapter,
    description: SessionDescription,
  ): Promise<string | undefined> {
    const withKey = this.keys?.withKey(description);
    const refusal = lane.tryOpening(withKey ?? description);
    if (withKey) wipeKeys(withKey);
    return refusal;
  }

  /**
   * Closes a session; a text says why that was impossible. A backend that has
   * failed may not know its sessions any more, and one that was closed has none.
   */
  closeSession(
    name: string,
    thread: BurstThread,
    number: number,
  ): string | undefined {
    this.#guard?.enter(GuardedMethod.CloseSession, name);
    try {
      if (this.#open.has(name, thread)) thread.closeSession(number);
    } catch (error) {
      // The backend may have it still, so that no other gets its number.
      return this.isDown(name)
        ? undefined
        : `it cannot be closed: ${reasonOf(error)}`;
    } finally {
      this.#guard?.leave();
    }
    this.table.give(number);
    return undefined;
  }

  /**
   * Has requests of `burst` run. Where the backend fails at that, this is what
   * those have come to that it left pending.
   */
  run(
    name: string,
    thread: BurstThread,
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): OperationStatus | undefined {
    this.#guard?.enter(GuardedMethod.Run, name);
    try {
      const returned: unknown = thread.run(burst, slots, count);
      return returned === undefined
        ? undefined
        : this.#judgePromise(name, "run()", returned);
    } catch (error) {
      this.backendFailed(name, reasonOf(error));
      return OperationStatus.Unavailable;
    } finally {
      this.#guard?.leave();
    }
  }

  /** Has pending requests completed; returns the same as `run`. */
  poll(name: string, thread: BurstThread): OperationStatus | undefined {
    if (!this.#open.has(name, thread)) return OperationStatus.Unavailable;
    this.#guard?.enter(GuardedMethod.Poll, name);
    try {
      return this.#judgePromise(name, "poll()", thread.poll?.());
    } catch (error) {
      this.backendFailed(name, reasonOf(error));
      return OperationStatus.Unavailable;
    } finally {
      this.#guard?.leave();
    }
  }

  /** Takes a pending request from a backend that has failed. */
  abandon(thread: BurstThread, burst: RequestBurst, slot: number): void {
    try {
      thread.abandon?.(burst, slot);
    } catch {
      // It has failed already, and been told of.
    }
  }

  /** Who has promised may write later: nobody else is given the same work. */
  #judgePromise(
    name: string,
    member: string,
    returned: unknown,
  ): OperationStatus | undefined {
    const breach = promiseBreach(member, returned);
    if (breach === undefined) return undefined;
    this.backendFailed(name, breach);
    return OperationStatus.Failed;
  }

  /** Whether `thread` is the backend as it is open at present. */
  has(name: string, thread: BurstThread): boolean {
    return this.#open.has(name, thread);
  }

  /** The road of a backend that has failed as a whole. */
  backendFailed(name: string, reason: string): void {
    this.#states.failed(name, reason);
  }

  /**
   * Closes a backend that does not end its requests: it writes nothing more, and
   * all that it had is unavailable. It is opened anew when it is asked again.
   */
  closeHung(name: string, thread: BurstThread, reason: string): void {
    if (!this.#open.has(name, thread)) return;
    this.backendFailed(name, reason);
    this.#guard?.enter(GuardedMethod.Close, name);
    const problem = this.#open.closeOne(name);
    this.#guard?.leave();
    if (problem !== undefined) this.#states.tell(name, problem);
  }

  /** Whether the backend has failed and not said yet that it works again. */
  isDown(name: string): boolean {
    return this.#states.failure(name) !== undefined;
  }

  /** Whether the backend may be given work; asks a failed one now and then. */
  works(name: string): boolean {
    return this.#states.works(name, (name) => this.#saysThatItWorks(name));
  }

  /** A backend that cannot tell stays down, unless it is opened only now. */
  #saysThatItWorks(name: string): boolean {
    this.#guard?.enter(GuardedMethod.Health, name);
    try {
      const wasOpen = this.#open.isOpen(name);
      const thread = this.#open.thread(name);
      if (!thread.health) return !wasOpen;
      const health: unknown = thread.health();
      promiseBreach("health()", health);
      return health === undefined;
    } catch {
      return false;
    } finally {
      this.#guard?.leave();
    }
  }

  /** Asks every failed backend again that is due; for idle threads. */
  review(): void {
    for (const name of this.#states.down) this.works(name);
  }

  close(): void {
    this.#open.close((name, reason) => this.#states.tell(name, reason));
  }
}

/** Why a backend that tells its health cannot work; undefined where it can. */
function healthOf(thread: BurstThread): string | undefined {
  try {
    const health: unknown = thread.health?.();
    promiseBreach("health()", health);
    return typeof health === "string" ? health : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
