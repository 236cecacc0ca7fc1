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
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../../backends/backend.ts";
import { promiseBreach, sessionBreach } from "../../backends/contract_check.ts";
import type { GuestKeys } from "../keys/guest_keys.ts";
import { reasonOf } from "./failure.ts";
import {
  isLane,
  type LaneOfBackend,
  type OpenBackends,
} from "./open_backends.ts";
import type { Eventual } from "./steps.ts";

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
  askAgainAt: number;
}

/** What is remembered of a backend that has failed and recovered. */
interface Recovery {
  /** How often it has; sessions from before are gone with it. */
  readonly generation: number;
  readonly retryMs: number;
  readonly at: number;
}

/** Opens and calls backends, and remembers which of them are down. */
export class ThreadBackends {
  readonly #open: OpenBackends;
  readonly #down = new Map<string, Down>();
  readonly #listener: HealthListener;
  /** Keys of the store that sessions of this guest may use. */
  readonly keys: GuestKeys | undefined;
  #epoch = 0;
  readonly #recoveries = new Map<string, Recovery>();
  readonly #now: () => number;

  constructor(
    open: OpenBackends,
    listener: HealthListener = () => {},
    now: () => number = () => performance.now(),
    keys?: GuestKeys,
  ) {
    this.#open = open;
    this.#listener = listener;
    this.#now = now;
    this.keys = keys;
  }

  /** Changes whenever a backend fails or recovers. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Changes when the backend has recovered and its sessions must be reopened. */
  generation(name: string): number {
    return this.#recoveries.get(name)?.generation ?? 0;
  }

  /** The backend as it is opened for such a session. */
  threadFor(name: string, description: SessionDescription): BackendThread {
    return this.#open.threadFor(name, description);
  }

  /**
   * Opens a session. A text says why there is none: the backend does not have
   * this one, or it has failed as a whole, and then it no longer works.
   */
  openSession(
    name: string,
    description: SessionDescription,
  ): BackendSession | string {
    const thread = this.#opened(name, description);
    if (typeof thread === "string") return thread;
    const withKey = this.keys?.withKey(description);
    let session: unknown;
    try {
      session = thread.openSession(withKey ?? description);
    } catch (error) {
      return this.#refused(name, thread, reasonOf(error));
    } finally {
      if (withKey) wipeKeys(withKey);
    }
    const breach = sessionBreach(session);
    if (breach === undefined) return session as BackendSession;
    this.backendFailed(name, breach);
    return breach;
  }

  /** What refuses a session may be a backend that can have none any more. */
  #refused(name: string, thread: BackendThread, reason: string): string {
    const failure = healthOf(thread);
    if (failure === undefined) return reason;
    this.backendFailed(name, failure);
    return failure;
  }

  #opened(
    name: string,
    description: SessionDescription,
  ): BackendThread | string {
    try {
      return this.#open.threadFor(name, description);
    } catch (error) {
      const reason = `it cannot be opened: ${reasonOf(error)}`;
      this.backendFailed(name, reason);
      return reason;
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
    if (!this.works(name)) return this.#down.get(name)!.reason;
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
    lane: LaneOfBackend,
    description: SessionDescription,
  ): Promise<string | undefined> {
    const withKey = this.keys?.withKey(description);
    const refusal = lane.tryOpening(withKey ?? description);
    if (withKey) wipeKeys(withKey);
    return refusal;
  }

  /**
   * Closes a session; a text says why that was impossible. A backend that has
   * failed may not know its sessions any more.
   */
  closeSession(
    name: string,
    thread: BackendThread,
    session: BackendSession,
  ): string | undefined {
    try {
      thread.closeSession(session);
      return undefined;
    } catch (error) {
      return this.#down.has(name)
        ? undefined
        : `it cannot be closed: ${reasonOf(error)}`;
    }
  }

  /**
   * Has operations run. Where the backend fails at that, this is what those have
   * come to that it left pending.
   */
  run(
    name: string,
    thread: BackendThread,
    operations: readonly Operation[],
    count: number,
  ): OperationStatus | undefined {
    try {
      const returned: unknown = thread.run(operations, count);
      return returned === undefined
        ? undefined
        : this.#judgePromise(name, "run()", returned);
    } catch (error) {
      this.backendFailed(name, reasonOf(error));
      return OperationStatus.Unavailable;
    }
  }

  /** Has pending operations completed; returns the same as `run`. */
  poll(name: string, thread: BackendThread): OperationStatus | undefined {
    try {
      return this.#judgePromise(name, "poll()", thread.poll?.());
    } catch (error) {
      this.backendFailed(name, reasonOf(error));
      return OperationStatus.Unavailable;
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

  /** The road of a backend that has failed as a whole. */
  backendFailed(name: string, reason: string): void {
    if (this.#down.has(name)) return;
    const now = this.#now();
    const last = this.#recoveries.get(name);
    const retryMs = last && now - last.at < RELAPSE_MS
      ? Math.min(2 * last.retryMs, RELAPSE_MS)
      : RETRY_MS;
    this.#down.set(name, { reason, retryMs, askAgainAt: now + retryMs });
    this.#epoch++;
    this.#listener(name, reason);
  }

  /** Whether the backend may be given work; asks a failed one now and then. */
  works(name: string): boolean {
    if (this.#down.size === 0) return true;
    const down = this.#down.get(name);
    if (!down) return true;
    const now = this.#now();
    if (now < down.askAgainAt) return false;
    down.askAgainAt = now + down.retryMs;
    if (!this.#saysThatItWorks(name)) return false;
    this.#recovered(name, down.retryMs, now);
    return true;
  }

  /** A backend that cannot tell stays down, unless it is opened only now. */
  #saysThatItWorks(name: string): boolean {
    try {
      const wasOpen = this.#open.isOpen(name);
      const thread = this.#open.thread(name);
      if (!thread.health) return !wasOpen;
      const health: unknown = thread.health();
      promiseBreach("health()", health);
      return health === undefined;
    } catch {
      return false;
    }
  }

  #recovered(name: string, retryMs: number, at: number): void {
    const generation = this.generation(name) + 1;
    this.#recoveries.set(name, { generation, retryMs, at });
    this.#down.delete(name);
    this.#epoch++;
    this.#listener(name, undefined);
  }

  /** Asks every failed backend again that is due; for idle threads. */
  review(): void {
    for (const name of [...this.#down.keys()]) this.works(name);
  }

  close(): void {
    this.#open.close((name, reason) => this.#listener(name, reason));
  }
}

/** Why a backend that tells its health cannot work; undefined where it can. */
function healthOf(thread: BackendThread): string | undefined {
  try {
    const health: unknown = thread.health?.();
    promiseBreach("health()", health);
    return typeof health === "string" ? health : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
