/**
 * The service of one data queue: a burst of requests in, their results out.
 *
 * @module
 */

import { type Operation, OperationStatus } from "../backends/backend.ts";
import {
  isWrittenLength,
  operationBreach,
} from "../backends/contract_check.ts";
import { PrivateResults, resultRoomBytes } from "../backends/overlap.ts";
import { ChainRequests } from "./chain_requests.ts";
import { Draft9Requests } from "./draft9_requests.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlot } from "./request_slot.ts";
import { ResultMemory } from "./result_memory.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import { NO_CHAIN, type Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type {
  Route,
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import type { WireMode } from "./wire/mode.ts";
import { Status } from "./wire/status.ts";

/** Requests that go to the backends in one call. */
const BURST = 64;

/** Bursts of one call of `service`; between calls a thread sees its messages. */
const BURSTS_PER_SERVICE = 8;

/** Indices of a queue's counters. */
export const enum Counter {
  Requests = 0,
  /** Requests whose status was not OK. */
  Failures = 1,
  /** Bytes of their chains, headers and status included. */
  Bytes = 2,
  /** Operations that another backend took over. */
  MovedOn = 3,
}

/** Length of a queue's counters. */
export const COUNTERS = 4;

/** What a data queue works on. */
export interface DataQueueOptions {
  readonly virtqueue: Virtqueue;
  readonly memory: GuestMemory;
  readonly mode: WireMode;
  readonly sessions: ThreadSessions;
  readonly settings: ThreadSettings;
  /** Where to count, indexed by {@linkcode Counter}; may be shared memory. */
  readonly counters: Float64Array;
}

/** One data queue on the thread that serves it. */
export class DataQueue {
  readonly #virtqueue: Virtqueue;
  readonly #sessions: ThreadSessions;
  readonly #counters: Float64Array;
  readonly #format: RequestFormat;
  /** By slot of the ring. */
  readonly #slots: RequestSlot[] = [];
  #generation = 0;
  readonly #burst: RequestSlot[] = [];
  /** Requests that a backend has not finished. */
  readonly #pending: RequestSlot[] = [];
  readonly #operations: Operation[] = [];
  readonly #resultMemory = new ResultMemory();
  /** Requests of the burst that have ended, not counted yet. */
  #ended = 0;
  #refused = 0;
  #endedBytes = 0;

  constructor(options: DataQueueOptions) {
    const { virtqueue, memory, mode, sessions, settings, counters } = options;
    this.#virtqueue = virtqueue;
    this.#sessions = sessions;
    this.#counters = counters;
    this.#format = mode.layout === "draft-9"
      ? new Draft9Requests(virtqueue, memory, sessions, settings)
      : new ChainRequests(virtqueue, mode, sessions, settings);
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /** Requests that wait for a backend. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /**
   * Takes what is available, up to a bound, and completes what the backends
   * complete at once. True when the driver wants to be notified.
   */
  service(): boolean {
    let notify = false;
    for (let i = 0; i < BURSTS_PER_SERVICE; i++) {
      const count = this.#popBurst();
      if (count === 0) break;
      this.#runBurst(count);
      for (let j = 0; j < count; j++) this.#settle(this.#burst[j]!);
      this.#count();
      notify = this.#virtqueue.publish() || notify;
    }
    this.#releaseOldLists();
    return notify;
  }

  /**
   * Very long chains take a larger block for all lists, and what is kept of a
   * request would hold it when they are gone.
   */
  #releaseOldLists(): void {
    const { generation } = this.#virtqueue.slots.lists;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#format.releaseLists();
    for (const slot of this.#slots) {
      if (slot === undefined || this.#pending.includes(slot)) continue;
      this.#format.forget(slot);
      slot.release();
    }
  }

  /** Completes requests whose backend has finished them since. */
  poll(): boolean {
    const routes = new Map(
      this.#pending.map(({ route }) => [route!.thread, route!]),
    );
    for (const route of routes.values()) this.#pollBackend(route, routes.size);
    for (const slot of this.#pending.splice(0)) {
      if (waitsForMemory(slot)) this.#runApart(slot);
      this.#settle(slot);
    }
    this.#count();
    this.#releaseOldLists();
    return this.#virtqueue.publish();
  }

  #pollBackend({ thread, backend }: Route, backendCount: number): void {
    const others = backendCount === 1
      ? []
      : this.#pending.filter((slot) =>
        slot.route!.thread !== thread && isUnderWay(slot)
      );
    const left = this.#sessions.backends.poll(backend, thread);
    if (left !== undefined) {
      for (const slot of this.#pending) {
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

  #popBurst(): number {
    let count = 0;
    while (count < BURST) {
      const number = this.#virtqueue.pop();
      if (number === NO_CHAIN) break;
      this.#burst[count++] = this.#slots[number] ??= new RequestSlot(number);
    }
    if (count === 0) return 0;
    // Requests may name what was opened just before they became available.
    this.#sessions.refresh();
    for (let i = 0; i < count; i++) {
      const slot = this.#burst[i]!;
      slot.status = this.#format.prepare(slot);
    }
    return count;
  }

  /** Hands each backend its requests, in runs of the same backend. */
  #runBurst(count: number): void {
    let start = 0;
    while (start < count) {
      const slot = this.#burst[start++]!;
      if (slot.status !== Status.Ok) continue;
      if (slot.isEntangled) {
        this.#runApart(slot);
        continue;
      }
      const route = slot.route!;
      this.#operations[0] = slot.operation;
      let length = 1;
      while (start < count) {
        const next = this.#burst[start]!;
        if (next.status === Status.Ok) {
          if (
            next.isEntangled ||
            (next.route !== route && next.route!.thread !== route.thread)
          ) break;
          this.#operations[length++] = next.operation;
        }
        start++;
      }
      this.#run(route, length);
    }
  }

  /** Runs the first `length` operations, which are of the burst. */
  #run(route: Route, length: number): void {
    const left = this.#runOn(route, length);
    if (left === undefined) return;
    const given = new Set<Operation>(this.#operations.slice(0, length));
    for (const slot of this.#burst) {
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
  #hasEnded(slot: RequestSlot): boolean {
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
  #runApart(slot: RequestSlot): void {
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
    if (!this.#hasEnded(slot)) return;
    this.#deliver(slot);
    slot.status = slot.operation.status as number as Status;
  }

  #deliver(slot: RequestSlot): void {
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
    this.#counters[Counter.MovedOn]! += 1;
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

  /** Answers a request that has an outcome; keeps one that has none. */
  #settle(slot: RequestSlot): void {
    if (slot.status === Status.Ok) {
      if (!this.#hasEnded(slot)) {
        this.#pending.push(slot);
        return;
      }
      if (slot.results) this.#deliver(slot);
      slot.status = slot.operation.status as number as Status;
    }
    const written = this.#format.finish(slot, slot.status);
    this.#ended++;
    if (slot.status !== Status.Ok) this.#refused++;
    const { number, session } = slot;
    const { readableBytes, writableBytes } = this.#virtqueue.slots;
    this.#endedBytes += readableBytes[number]! + writableBytes[number]!;
    this.#virtqueue.push(number, written);
    if (session !== NO_SESSION) {
      slot.session = NO_SESSION;
      this.#sessions.finished(session);
    }
  }

  /** Moves what was counted privately to where others see it. */
  #count(): void {
    this.#counters[Counter.Requests]! += this.#ended;
    this.#counters[Counter.Failures]! += this.#refused;
    this.#counters[Counter.Bytes]! += this.#endedBytes;
    this.#ended = 0;
    this.#refused = 0;
    this.#endedBytes = 0;
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
function waitsForMemory({ operation, isEntangled, results }: RequestSlot) {
  return isEntangled && results === undefined &&
    operation.status === OperationStatus.Pending;
}
