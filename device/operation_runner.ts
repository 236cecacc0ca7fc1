/**
 * How requests reach their backends and come to an end: bursts of them, one that
 * overlaps itself, one whose backend has failed.
 *
 * @module
 */

import { OperationStatus } from "../backends/backend.ts";
import { outcomeBreach } from "../backends/contract_check.ts";
import { resultRoomBytes } from "../backends/overlap.ts";
import {
  BURST_WORDS,
  BurstField,
  ListField,
  type RequestBurst,
} from "../backends/request_burst.ts";
import { SlotOperation } from "../backends/slot_operation.ts";
import { ApartRequest } from "./apart_request.ts";
import {
  APART,
  NOBODY,
  OWN_LISTS,
  type RequestSlots,
  SLOT_WORDS,
  SlotField,
} from "./request_slots.ts";
import { ResultMemory } from "./result_memory.ts";
import { isLane } from "./session/open_backends.ts";
import { BUDGET_MS } from "./session/long_operations.ts";
import type { Route } from "./session/route_table.ts";
import type { ThreadSessions } from "./session/thread_sessions.ts";
import { SlotList } from "./slot_list.ts";

// The engine folds constants of a module of its own only.
const BURST = BURST_WORDS;
const SESSION = BurstField.Session;
const STATUS = BurstField.Status;
const WRITTEN = BurstField.WrittenBytes;
const SOURCE = BurstField.Source + ListField.TotalBytes;
const ROOM = BurstField.Destination + ListField.TotalBytes;
const SLOT = SLOT_WORDS;
const SLOT_SESSION = SlotField.Session;
const BACKEND = SlotField.Backend;
const READS_TAG = SlotField.ReadsTag;
const RUNS_APART = APART;
const PENDING: number = OperationStatus.Pending;

/** One run of so many (and 1 more) is timed. */
const RUNS_MASK = 7;
/** How many are timed after one that took long. */
const RUNS_SUSPECTED = 16;
/** What a request costs beside its bytes, in bytes. */
const OVERHEAD_BYTES = 256;

/** Runs the requests of one data queue. */
export class OperationRunner {
  /** Requests that another backend took over, since this was set to 0. */
  movedOn = 0;
  readonly #sessions: ThreadSessions;
  readonly #requests: RequestSlots;
  readonly #given = new SlotList();
  readonly #one = new Int32Array(1);
  readonly #resultMemory = new ResultMemory();
  #runs = 0;
  /** Runs that are timed, whatever their number, since one took long. */
  #suspected = 0;
  /** By slot: what has its results in memory of its own. */
  readonly #apart: (ApartRequest | undefined)[] = [];

  constructor(sessions: ThreadSessions, requests: RequestSlots) {
    this.#sessions = sessions;
    this.#requests = requests;
  }

  /** Hands each backend its requests, in runs of the same backend. */
  runBurst(slots: Int32Array<ArrayBuffer>, count: number): void {
    const { words } = this.#requests;
    let at = 0;
    while (at < count) {
      const first = slots[at]!;
      const backend = words[SLOT * first + BACKEND]!;
      if (backend === RUNS_APART) {
        this.conclude(first);
        at++;
        continue;
      }
      const start = at++;
      while (at < count && words[SLOT * slots[at]! + BACKEND] === backend) at++;
      const burst = this.#requests.burstOf(first);
      this.#run(burst, this.#from(slots, start, at), at - start);
    }
  }

  /** The list of slots from `start` to `end`: mostly all that there are. */
  #from(
    slots: Int32Array<ArrayBuffer>,
    start: number,
    end: number,
  ): Int32Array<ArrayBuffer> {
    if (start === 0) return slots;
    const given = this.#given;
    given.count = 0;
    for (let i = start; i < end; i++) given.add(slots[i]!);
    return given.slots;
  }

  /** Runs the first `count` of `slots`, which go to the same backend. */
  #run(
    burst: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { backends } = this.#sessions;
    const { backend, thread } = this.#routeOf(burst, slots[0]!);
    const isTimed = this.#suspected > 0 || (++this.#runs & RUNS_MASK) === 0;
    const start = isTimed ? performance.now() : 0;
    const left = backends.run(backend, thread, burst, slots, count);
    if (isTimed && !isLane(thread)) {
      this.#judge(burst, slots, count, performance.now() - start);
    }
    if (left === undefined) return;
    for (let i = 0; i < count; i++) this.#takeBack(burst, slots[i]!, left);
  }

  /**
   * Tells what each request took of a run of `ms`, in proportion to its length,
   * if runs have taken long of late: a clock costs more than a short request.
   */
  #judge(
    { fields }: RequestBurst,
    slots: Int32Array<ArrayBuffer>,
    count: number,
    ms: number,
  ): void {
    if (ms > BUDGET_MS) this.#suspected = RUNS_SUSPECTED;
    else if (this.#suspected === 0) return;
    else this.#suspected--;
    let total = 0;
    for (let i = 0; i < count; i++) {
      total += fields[BURST * slots[i]! + SOURCE]! + OVERHEAD_BYTES;
    }
    const { words } = this.#requests;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const sourceBytes = fields[BURST * slot + SOURCE]!;
      const share = (sourceBytes + OVERHEAD_BYTES) / total;
      const session = words[SLOT * slot + SLOT_SESSION]!;
      this.#sessions.took(session, sourceBytes, ms * share);
    }
  }

  #runAlone(burst: RequestBurst, slot: number): void {
    const { backends } = this.#sessions;
    const { backend, thread } = this.#routeOf(burst, slot);
    this.#one[0] = slot;
    const left = backends.run(backend, thread, burst, this.#one, 1);
    if (left !== undefined) this.#takeBack(burst, slot, left);
  }

  #routeOf({ fields }: RequestBurst, slot: number): Route {
    return this.#sessions.routeAt(fields[BURST * slot + SESSION]!);
  }

  /** Takes a request back from a backend that has failed and has it still. */
  #takeBack(burst: RequestBurst, slot: number, status: OperationStatus): void {
    const { fields } = burst;
    if (fields[BURST * slot + STATUS] !== PENDING) return;
    const { thread } = this.#routeOf(burst, slot);
    this.#sessions.backends.abandon(thread, burst, slot);
    fields[BURST * slot + STATUS] = status;
  }

  /**
   * Brings a request to its end that has not simply succeeded, and its outcome to
   * its slot; false: it is under way still.
   */
  conclude(slot: number): boolean {
    const { burst, words } = this.#requests;
    const backend = words[SLOT * slot + BACKEND]!;
    if (backend === NOBODY) return true;
    if (backend !== RUNS_APART) {
      return this.#conclude(slot, this.#requests.burstOf(slot), slot);
    }
    const apart = this.#apart[slot] ?? this.#runApart(slot);
    if (!apart || !this.#conclude(slot, apart.burst, 0)) return false;
    apart.deliver();
    this.#resultMemory.give(apart.memory, apart.roomBytes);
    this.#apart[slot] = undefined;
    const { fields } = burst;
    fields[BURST * slot + WRITTEN] = apart.burst.fields[WRITTEN]!;
    this.#requests.end(slot, apart.burst.fields[STATUS]!);
    return true;
  }

  /** Whether `conclude` may have a backend called. */
  mayCall(slot: number): boolean {
    const backend = this.#requests.words[SLOT * slot + BACKEND]!;
    if (backend === NOBODY) return false;
    if (backend === RUNS_APART) return true;
    const { fields } = this.#requests.burstOf(slot);
    const status: OperationStatus = fields[BURST * slot + STATUS]!;
    return isUndone(status);
  }

  /** The same for the request of `slot`, which is in `place` of `burst`. */
  #conclude(slot: number, burst: RequestBurst, place: number): boolean {
    const at = BURST * place;
    for (;;) {
      const { fields } = burst;
      const status: OperationStatus = fields[at + STATUS]!;
      const { backend, thread } = this.#routeOf(burst, place);
      const breach = outcomeBreach(
        status,
        fields[at + WRITTEN]!,
        fields[at + ROOM]!,
        thread,
      );
      if (breach !== undefined) {
        // It may have written anything, so that nobody else can do it.
        this.#sessions.backends.backendFailed(backend, breach);
        this.#sessions.backends.abandon(thread, burst, place);
        fields[at + STATUS] = OperationStatus.Failed;
        return true;
      }
      if (status === OperationStatus.Pending) return false;
      const isLeft = isUndone(status);
      if (isLeft && this.#moveOn(slot, burst, place)) continue;
      const reason = FAILURES[status];
      if (reason !== undefined && !this.#sessions.backends.isDown(backend)) {
        this.#sessions.routes.requestFailed(
          this.#sessionOf(slot),
          backend,
          reason,
        );
      }
      if (isLeft) fields[at + STATUS] = OperationStatus.Failed;
      return true;
    }
  }

  #sessionOf(slot: number) {
    const { words } = this.#requests;
    return this.#sessions.at(words[SLOT * slot + SLOT_SESSION]!);
  }

  /**
   * Runs a request whose outputs overlap with results of its own, which are
   * delivered before the next one runs. Where memory for them is short it stays
   * pending until those are answered that have it.
   */
  #runApart(slot: number): ApartRequest | undefined {
    const { burst, words } = this.#requests;
    const readsTag = words[SLOT * slot + READS_TAG] !== 0;
    const operation = new SlotOperation(burst, slot);
    operation.fill();
    const roomBytes = resultRoomBytes(operation, readsTag);
    const memory = this.#resultMemory.take(roomBytes);
    if (!memory) return undefined;
    const apart = new ApartRequest(operation, memory, roomBytes, readsTag);
    this.#apart[slot] = apart;
    const session = burst.fields[BURST * slot + SESSION]!;
    apart.burst.fields[SESSION] = session;
    // It may have failed while the request waited.
    const { backend, thread } = this.#sessions.routeAt(session);
    const { backends } = this.#sessions;
    if (backends.works(backend) && backends.has(backend, thread)) {
      this.#runAlone(apart.burst, 0);
    } else apart.burst.fields[STATUS] = OperationStatus.Unavailable;
    return apart;
  }

  /**
   * Gives a request to another backend while its own is unavailable or cannot do
   * it, and the fallback allows it; false where it does not. It keeps no trace of
   * the first: the destination is as it was.
   */
  #moveOn(slot: number, burst: RequestBurst, place: number): boolean {
    const route = this.#nextRoute(slot, burst, place);
    if (!route) return false;
    this.movedOn++;
    const { words } = this.#requests;
    const backend = words[SLOT * slot + BACKEND]!;
    if (backend !== RUNS_APART) {
      words[SLOT * slot + BACKEND] = route.backendNumber +
        (backend >= OWN_LISTS ? OWN_LISTS : 0);
    }
    const at = BURST * place;
    burst.fields[at + SESSION] = route.number;
    burst.fields[at + STATUS] = OperationStatus.Pending;
    burst.fields[at + WRITTEN] = 0;
    this.#runAlone(burst, place);
    return true;
  }

  #nextRoute(
    slot: number,
    burst: RequestBurst,
    place: number,
  ): Route | undefined {
    const { backend } = this.#routeOf(burst, place);
    const session = this.#sessionOf(slot);
    const status = burst.fields[BURST * place + STATUS]!;
    if (status === OperationStatus.Elsewhere) {
      return this.#sessions.routes.elsewhere(session, backend);
    }
    this.#sessions.backends.backendFailed(backend, "it is unavailable");
    return this.#sessions.routes.alternative(session);
  }

  /** Whether any of them waits for a backend that ends it only when polled. */
  needsPolling({ slots, count }: SlotList): boolean {
    for (let i = 0; i < count; i++) {
      const route = this.#routeUnderWay(slots[i]!);
      if (!route || !isLane(route.thread)) return true;
    }
    return false;
  }

  /** Fails, at the next poll, what waits for lanes. */
  abandonLanes({ slots, count }: SlotList): void {
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const thread = this.#routeUnderWay(slot)?.thread;
      if (!thread || !isLane(thread)) continue;
      const apart = this.#apart[slot];
      if (apart) thread.fail(apart.burst, 0);
      else thread.fail(this.#requests.burstOf(slot), slot);
    }
  }

  /** Closes the backends of `pending` that run on this thread. */
  closeBackends({ slots, count }: SlotList, reason: string): void {
    const { backends } = this.#sessions;
    for (let i = 0; i < count; i++) {
      const route = this.#routeUnderWay(slots[i]!);
      if (!route || isLane(route.thread)) continue;
      backends.closeHung(route.backend, route.thread, reason);
    }
  }

  /** Has the backends of `pending` complete what they can. */
  poll(pending: SlotList): void {
    for (let i = 0; i < pending.count; i++) {
      const route = this.#routeUnderWay(pending.slots[i]!);
      if (route && this.#isFirst(route, pending, i)) {
        this.#pollBackend(route, pending);
      }
    }
  }

  /** The route of a request, unless it waits for memory and nobody has it. */
  #routeUnderWay(slot: number): Route | undefined {
    const { burst, words } = this.#requests;
    if (words[SLOT * slot + BACKEND] !== RUNS_APART) {
      return this.#routeOf(burst, slot);
    }
    const apart = this.#apart[slot];
    return apart && this.#routeOf(apart.burst, 0);
  }

  /** Whether no request before `index` is on the backend of `route`. */
  #isFirst({ thread }: Route, { slots }: SlotList, index: number): boolean {
    for (let i = 0; i < index; i++) {
      if (this.#routeUnderWay(slots[i]!)?.thread === thread) return false;
    }
    return true;
  }

  #pollBackend({ thread, backend }: Route, pending: SlotList): void {
    const left = this.#sessions.backends.poll(backend, thread);
    if (left === undefined) return;
    for (let i = 0; i < pending.count; i++) {
      const slot = pending.slots[i]!;
      if (this.#routeUnderWay(slot)?.thread !== thread) continue;
      const apart = this.#apart[slot];
      if (apart) this.#takeBack(apart.burst, 0, left);
      else this.#takeBack(this.#requests.burstOf(slot), slot, left);
    }
  }
}

/** Whether a backend has left a request as it was, for another one. */
function isUndone(status: OperationStatus): boolean {
  return status === OperationStatus.Unavailable ||
    status === OperationStatus.Elsewhere;
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
