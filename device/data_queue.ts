/**
 * The service of one data queue: a burst of requests in, their results out.
 *
 * @module
 */

import { ChainRequests } from "./chain_requests.ts";
import { Draft9Requests } from "./draft9_requests.ts";
import type { AssociationTable } from "./ipsec_requests.ts";
import { OperationRunner, waitsForMemory } from "./operation_runner.ts";
import type { RequestFormat } from "./request_format.ts";
import { RequestSlot } from "./request_slot.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import { NO_CHAIN, type Virtqueue } from "./ring/virtqueue.ts";
import { isLane } from "./session/open_backends.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type {
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
  /** Absent where the guest cannot have security associations. */
  readonly associations?: AssociationTable;
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
  /** Requests that a backend has not finished, and the list for the next time. */
  #pending: RequestSlot[] = [];
  #spare: RequestSlot[] | undefined;
  readonly #runner: OperationRunner;
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
      : new ChainRequests(
        virtqueue,
        mode,
        sessions,
        settings,
        options.associations,
      );
    this.#runner = new OperationRunner(sessions, this.#format);
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /** Requests that wait for a backend. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /**
   * Whether a request waits for a backend that ends it only when it is polled;
   * who waits for the others is woken.
   */
  get needsPolling(): boolean {
    return this.#pending.some(({ route }) => !isLane(route!.thread));
  }

  /** Fails, at the next poll, what waits for lanes: the ring has to stop. */
  abandonLanes(): void {
    for (const { route, operation } of this.#pending) {
      const { thread } = route!;
      if (isLane(thread)) thread.abandon(operation);
    }
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
      this.#runner.runBurst(this.#burst, count);
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
    this.#runner.poll(this.#pending);
    // A backend may kick its own queue, which then is polled within this poll.
    const pending = this.#pending;
    this.#pending = this.#spare ?? [];
    this.#spare = undefined;
    for (const slot of pending) {
      if (waitsForMemory(slot)) this.#runner.runApart(slot);
      this.#settle(slot);
    }
    pending.length = 0;
    this.#spare = pending;
    this.#count();
    this.#releaseOldLists();
    return this.#virtqueue.publish();
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

  /** Answers a request that has an outcome; keeps one that has none. */
  #settle(slot: RequestSlot): void {
    if (slot.status === Status.Ok) {
      if (!this.#runner.hasEnded(slot)) {
        this.#pending.push(slot);
        return;
      }
      if (slot.results) this.#runner.deliver(slot);
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
    this.#counters[Counter.MovedOn]! += this.#runner.movedOn;
    this.#runner.movedOn = 0;
    this.#ended = 0;
    this.#refused = 0;
    this.#endedBytes = 0;
  }
}
