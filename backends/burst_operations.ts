/**
 * A backend that runs bursts, as one that runs operations: for the kit, tests and
 * benchmarks, which make operations of their own.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type Backend,
  type BackendOptions,
  type BackendSession,
  type BackendThread,
  type BurstThread,
  type Operation,
  OperationStatus,
} from "../backends/backend.ts";
import {
  BURST_WORDS,
  BurstField,
  RequestBurst,
} from "../backends/request_burst.ts";
import { putOperation } from "../backends/slot_operation.ts";

/** Opens a backend that runs operations or bursts, for operations. */
export function openOperations(
  backend: Backend,
  options: BackendOptions = {},
): BackendThread {
  switch (backend.runs) {
    case undefined:
    case "operations":
    case "blocking":
      return backend.open(options);
    case "bursts":
      return new BurstOperations(backend.open(options));
    default:
      throw new TypeError(
        `Cannot open backend "${backend.name}" for operations: it runs ` +
          `"${backend.runs}"`,
      );
  }
}

/** What `openSession` gives: the number of the session. */
interface Numbered {
  readonly number: number;
}

/** An operation and where it is. */
interface Placed {
  readonly operation: Operation;
  readonly burst: RequestBurst;
  readonly slot: number;
}

/** Makes one burst of each call's operations. */
export class BurstOperations implements BackendThread {
  readonly #thread: BurstThread;
  readonly #open = new Set<BackendSession>();
  readonly #free: number[] = [];
  #next = 0;
  #pending: Placed[] = [];
  /** There where the backend has it. */
  health?: () => string | undefined;

  constructor(thread: BurstThread) {
    this.#thread = thread;
    if (thread.health) this.health = () => thread.health!();
  }

  openSession(description: SessionDescription): BackendSession {
    const number = this.#free.pop() ?? this.#next++;
    try {
      this.#thread.openSession(description, number);
    } catch (error) {
      this.#free.push(number);
      throw error;
    }
    const session: Numbered = { number };
    this.#open.add(session);
    return session;
  }

  closeSession(session: BackendSession): void {
    if (!this.#open.delete(session)) return;
    const { number } = session as Numbered;
    this.#thread.closeSession(number);
    this.#free.push(number);
  }

  run(operations: readonly Operation[], count: number): void {
    const burst = new RequestBurst(Math.max(count, 1));
    const slots = Int32Array.from({ length: count }, (_, slot) => slot);
    const placed = operations.slice(0, count).map((operation, slot) => {
      putOperation(burst, slot, operation);
      const { number } = operation.session as Numbered;
      burst.fields[BURST_WORDS * slot + BurstField.Session] = number;
      return { operation, burst, slot };
    });
    try {
      this.#thread.run(burst, slots, count);
    } finally {
      this.#take(placed);
    }
  }

  poll(): number {
    const before = this.#pending;
    const count = this.#thread.poll?.() ?? 0;
    this.#pending = [];
    this.#take(before);
    return count;
  }

  /** Tells operations what has come of them. */
  #take(placed: readonly Placed[]): void {
    for (const one of placed) {
      const { operation, burst, slot } = one;
      const at = BURST_WORDS * slot;
      operation.status = burst.fields[at + BurstField.Status]!;
      operation.writtenBytes = burst.fields[at + BurstField.WrittenBytes]!;
      if (operation.status === OperationStatus.Pending) this.#pending.push(one);
    }
  }

  close(): void {
    this.#thread.close();
  }
}
