/**
 * How the operations of requests reach their backends and come to an end: bursts
 * of them, one that overlaps itself, one whose backend has failed.
 *
 * @module
 */

import { type Operation, OperationStatus } from "../backends/backend.ts";
import {
  isWrittenLength,
  operationBreach,
} from "../backends/contract_check.ts";
import { PrivateResults, resultRoomBytes } from "../backends/overlap.ts";
import type { RequestFormat } from "./request_format.ts";
import type { RequestSlot } from "./request_slot.ts";
import { ResultMemory } from "./result_memory.ts";
import type { Route, ThreadSessions } from "./session/thread_sessions.ts";
import { Status } from "./wire/status.ts";

/** Runs the operations of one data queue. */
export class OperationRunner {
  /** Operations that another backend took over, since this was set to 0. */
  movedOn = 0;
  readonly #sessions: ThreadSessions;
  readonly #format: RequestFormat;
  readonly #operations: Operation[] = [];
  readonly #resultMemory = new ResultMemory();

  constructor(sessions: ThreadSessions, format: RequestFormat) {
    this.#sessions = sessions;
    this.#format = format;
  }

  /** Hands each backend its requests, in runs of the same backend. */
  runBurst(burst: readonly RequestSlot[], count: number): void {
    let start = 0;
    while (start < count) {
      const slot = burst[start++]!;
      if (slot.status !== Status.Ok) continue;
      if (slot.isEntangled) {
        this.runApart(slot);
        continue;
      }
      const route = slot.route!;
      this.#operations[0] = slot.operation;
      let length = 1;
      while (start < count) {
        const next = burst[start]!;
        if (next.status === Status.Ok) {
          if (
            next.isEntangled ||
            (next.route !== route && next.route!.thread !== route.thread)
          ) break;
          this.#operations[length++] = next.operation;
        }
        start++;
      }
      this.#run(burst, route, length);
    }
  }

  /** Runs the first `length` operations, which are of the burst. */
  #run(
    burst: readonly RequestSlot[],
    route: Route,
    length: number,
  ): void {
    const left = this.#runOn(route, length);
    if (left === undefined) return;
    const given = new Set<Operation>(this.#operations.slice(0, length));
    for (const slot of burst) {
      if (given.has(slot.operation) && isUnderWay(slot)) {
        this.#takeBack(slot, left);
      }
    }
  }

  /** Runs the operation of one slot. */
  #runAlone(slot: RequestSlot): void {
    this.#operations[0] = slot.operation;
    const left = this.#runOn(slot.route!, 1);
    if (left !== undefined && isUnderWay(slot)) this.#takeBack(slot, left);
  }

  /** The next request in the slot finds another operation there. */
  #takeBack(slot: RequestSlot, status: OperationStatus): void {
    this.#format.forget(slot);
    slot.takeBack(status);
  }

  #runOn({ backend, thread }: Route, length: number) {
    const { backends } = this.#sessions;
    return backends.run(backend, thread, this.#operations, length);
  }

  /** Whether an operation has come to its end; brings it there where it can. */
  hasEnded(slot: RequestSlot): boolean {
    const { operation } = slot;
    return operation.status === OperationStatus.Ok &&
        isWrittenLength(operation) ||
      !waitsForMemory(slot) && this.#conclude(slot);
  }

  /**
   * Brings an operation to its end that has not simply succeeded; false: it is
   * under way still.
   */
  #conclude(slot: RequestSlot): boolean {
    for (;;) {
      const { backend, thread } = slot.route!;
      const breach = operationBreach(slot.operation, thread);
      if (breach !== undefined) {
        // It may have written anything, so that nobody else can do it.
        this.#sessions.backends.backendFailed(backend, breach);
        this.#takeBack(slot, OperationStatus.Failed);
        return true;
      }
      const { status } = slot.operation;
      if (status === OperationStatus.Pending) return false;
      const isUndone = status === OperationStatus.Unavailable ||
        status === OperationStatus.Elsewhere;
      if (isUndone && this.#moveOn(slot)) continue;
      const reason = FAILURES[status];
      if (reason !== undefined) {
        this.#sessions.requestFailed(
          this.#sessions.at(slot.session),
          backend,
          reason,
        );
      }
      if (isUndone) slot.operation.status = OperationStatus.Failed;
      return true;
    }
  }

  /**
   * Runs an operation whose outputs overlap with results of its own, which are
   * delivered before the next one runs. Where memory for them is short it stays
   * pending until those are answered that have it.
   */
  runApart(slot: RequestSlot): void {
    const { operation, readsTag } = slot;
    const memory = this.#resultMemory.take(
      resultRoomBytes(operation, readsTag),
    );
    operation.status = OperationStatus.Pending;
    if (!memory) return;
    slot.results = new PrivateResults(operation, memory, readsTag);
    // It may have failed while the request waited.
    if (this.#sessions.backends.works(slot.route!.backend)) {
      this.#runAlone(slot);
    } else operation.status = OperationStatus.Unavailable;
    if (!this.hasEnded(slot)) return;
    this.deliver(slot);
    slot.status = slot.operation.status as number as Status;
  }

  deliver(slot: RequestSlot): void {
    const results = slot.results!;
    results.deliver();
    this.#resultMemory.give(
      results.memory,
      resultRoomBytes(slot.operation, slot.readsTag),
    );
    slot.results = undefined;
  }

  /**
   * Gives an operation to another backend while its own is unavailable or
   * cannot do it, and the fallback allows it; false where it does not. It keeps
   * no trace of the first: the destination is as it was.
   */
  #moveOn(slot: RequestSlot): boolean {
    const { operation } = slot;
    const route = this.#nextRoute(slot);
    if (!route) return false;
    this.movedOn++;
    slot.route = route;
    operation.session = route.handle;
    operation.status = OperationStatus.Pending;
    operation.writtenBytes = 0;
    this.#runAlone(slot);
    return true;
  }

  #nextRoute({ operation, route, session }: RequestSlot): Route | undefined {
    const { backend } = route!;
    const found = this.#sessions.at(session);
    if (operation.status === OperationStatus.Elsewhere) {
      return this.#sessions.elsewhere(found, backend);
    }
    this.#sessions.backends.backendFailed(backend, "it is unavailable");
    return this.#sessions.alternative(found);
  }

  /** Has the backends of `pending` complete what they can. */
  poll(pending: readonly RequestSlot[]): void {
    const first = pending[0]?.route;
    if (!first) return;
    if (areAllOn(first, pending)) {
      this.#pollBackend(first, pending, 1);
      return;
    }
    const routes = new Map(pending.map(({ route }) => [route!.thread, route!]));
    for (const route of routes.values()) {
      this.#pollBackend(route, pending, routes.size);
    }
  }

  #pollBackend(
    { thread, backend }: Route,
    pending: readonly RequestSlot[],
    backendCount: number,
  ): void {
    const others = backendCount === 1
      ? []
      : pending.filter((slot) =>
        slot.route!.thread !== thread && isUnderWay(slot)
      );
    const left = this.#sessions.backends.poll(backend, thread);
    if (left !== undefined) {
      for (const slot of pending) {
        if (slot.route!.thread === thread && isUnderWay(slot)) {
          this.#takeBack(slot, left);
        }
      }
    }
    for (const slot of others) {
      if (isUnderWay(slot)) continue;
      slot.operation.status = OperationStatus.Pending;
      this.#sessions.backends.backendFailed(
        backend,
        "poll() ended an operation that is not its own",
      );
    }
  }
}

/**
 * Why a request has failed that another might not have. What remains are
 * verdicts, and requests of a backend that has failed as a whole.
 */
const FAILURES: Readonly<Partial<Record<OperationStatus, string>>> = {
  [OperationStatus.Failed]: "it answered ERR",
  [OperationStatus.Unsupported]: "it answered NOTSUPP",
  [OperationStatus.Elsewhere]: "it cannot do it, and no other backend may",
};

/** Whether a backend has the operation of a slot. */
function isUnderWay(slot: RequestSlot): boolean {
  return slot.operation.status === OperationStatus.Pending &&
    !waitsForMemory(slot);
}

/** Whether no backend has got it yet, for want of memory for its results. */
export function waitsForMemory(
  { operation, isEntangled, results }: RequestSlot,
) {
  return isEntangled && results === undefined &&
    operation.status === OperationStatus.Pending;
}

/** Whether one backend has all of them, as is usual. */
function areAllOn(
  { thread }: Route,
  pending: readonly RequestSlot[],
): boolean {
  for (const { route } of pending) if (route!.thread !== thread) return false;
  return true;
}
