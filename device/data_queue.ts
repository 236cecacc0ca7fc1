/**
 * The service of one data queue: a burst of requests in, their results out.
 *
 * @module
 */

import {
  BURST_WORDS,
  BurstField,
  ListField,
} from "../backends/request_burst.ts";
import { BurstSize, LEAST_BURST_BYTES } from "./burst_size.ts";
import { ChainRequests } from "./chain_requests.ts";
import { Draft9Requests } from "./draft9_requests.ts";
import type { AssociationTable } from "./ipsec_requests.ts";
import { LoggedRequests } from "./logged_requests.ts";
import { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import { OperationRunner } from "./operation_runner.ts";
import { Counter, QueueCounts } from "./queue_counts.ts";
import type { QueueService } from "./queue_service.ts";
import type { RequestFormat } from "./request_format.ts";
import { MOST_TRIES } from "./redone_requests.ts";
import { RequestUndo, type UndoJournal } from "./request_undo.ts";
import { type RequestSlots, SLOT_WORDS, SlotField } from "./request_slots.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type { UsedJournal } from "./ring/used_journal.ts";
import { MOST_CHAINS, type Virtqueue } from "./ring/virtqueue.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import { SlotList } from "./slot_list.ts";
import type { Throttle } from "./throttle.ts";
import type { WireMode } from "./wire/mode.ts";
import { Status } from "./wire/status.ts";

// The engine folds constants of a module of its own only.
const FIELDS = BURST_WORDS;
const STATUS = BurstField.Status;
const ROUTE = BurstField.Session;
const WRITTEN = BurstField.WrittenBytes;
const ROOM = BurstField.Destination + ListField.TotalBytes;
const WORDS = SLOT_WORDS;
const SESSION = SlotField.Session;
const NONE = NO_SESSION;
const BASE = Counter.Base;
const IN_FLIGHT = Counter.InFlight;
const MOVED_ON = Counter.MovedOn;
const WAITED_MS = Counter.WaitedMs;
const OK: number = Status.Ok;
/** Above every slot; the engine knows what a masked number cannot be. */
const MASK = 0xffff;

/** Requests that go to the backends in one call. */
const BURST = MOST_CHAINS;

/** Bursts of one call of `service`; between calls a thread sees its messages. */
const BURSTS_PER_SERVICE = 8;

/** What a data queue works on. */
export interface DataQueueOptions {
  readonly virtqueue: Virtqueue;
  readonly memory: GuestMemory;
  readonly mode: WireMode;
  readonly sessions: ThreadSessions;
  readonly settings: ThreadSettings;
  /** Where to count, indexed by {@linkcode Counter}; may be shared memory. */
  readonly counters: Float64Array;
  /** The guest's rates; absent where it has none. */
  readonly throttle?: Throttle | undefined;
  /** Absent where the guest cannot have security associations. */
  readonly associations?: AssociationTable;
  /**
   * How many of the first requests another process may have begun already, which
   * ended before it answered them.
   */
  readonly redo?: number;
  /** Where a request that is done again is marked; absent: nothing is kept. */
  readonly journal?: UsedJournal | undefined;
  /** Where requests are written down that overwrite their own inputs; likewise. */
  readonly undo?: UndoJournal | undefined;
}

/** Requests of the draft, of which the memory's log is told where it has one. */
function draft9Requests(
  ...[virtqueue, memory, sessions, settings]: ConstructorParameters<
    typeof Draft9Requests
  >
): RequestFormat {
  const format = new Draft9Requests(virtqueue, memory, sessions, settings);
  return memory.log ? new LoggedRequests(format, memory, memory.log) : format;
}

/** One data queue on the thread that serves it. */
export class DataQueue implements QueueService {
  readonly #virtqueue: Virtqueue;
  readonly #sessions: ThreadSessions;
  readonly #counters: Float64Array;
  readonly #counts: QueueCounts;
  readonly #format: RequestFormat;
  readonly #requests: RequestSlots;
  #generation = 0;
  /** The slots of the burst, and those of them that go to a backend. */
  readonly #burst = new Int32Array(BURST);
  readonly #ready = new Int32Array(BURST);
  readonly #size = new BurstSize();
  #readyCount = 0;
  /** Those that are answered, how many bytes were written, and their sessions. */
  readonly #ended = new Int32Array(BURST);
  readonly #lengths = new Int32Array(BURST);
  readonly #numbers = new Int32Array(BURST);
  /** Requests that a backend has not finished, and the list for the next time. */
  #pending = new SlotList();
  #spare: SlotList | undefined;
  readonly #runner: OperationRunner;
  #throttle: Throttle | undefined;
  /** Whether the list of what has ended has requests of several routes. */
  #otherRoutes = false;
  /** Whether the driver is to be told of what it has been shown. */
  #isUntold = false;
  /** How many of the next requests are done again. */
  #redo: number;
  /** Whether the first of them has begun and not ended. */
  #isRedoing = false;
  /** Where the ring stands, behind all that has been taken. */
  #base: number;
  readonly #journal: UsedJournal | undefined;
  readonly #undo: RequestUndo | undefined;

  constructor(options: DataQueueOptions) {
    const { virtqueue, memory, mode, sessions, settings, counters } = options;
    this.#virtqueue = virtqueue;
    this.#sessions = sessions;
    this.#counters = counters;
    this.#throttle = options.throttle;
    this.#format = mode.layout === "draft-9"
      ? draft9Requests(virtqueue, memory, sessions, settings)
      : new ChainRequests(
        virtqueue,
        mode,
        sessions,
        settings,
        options.associations,
      );
    this.#requests = this.#format.requests;
    this.#counts = new QueueCounts(
      counters,
      this.#requests,
      virtqueue.slots,
      sessions,
    );
    this.#runner = new OperationRunner(sessions, this.#requests);
    this.#redo = options.redo ?? 0;
    this.#journal = options.journal;
    this.#undo = options.undo &&
      new RequestUndo(options.undo, virtqueue, memory, this.#format);
    this.#base = virtqueue.base;
    counters[BASE] = this.#base;
  }

  get broken(): string | undefined {
    return this.#virtqueue.broken;
  }

  /**
   * Its guest has had what it may have for now, however little is pending, or what
   * is pending takes the room that others need to be protected, or is done again,
   * by itself.
   */
  get isFull(): boolean {
    return this.#isThrottled || this.#isRedoing || this.#waitsForRoom;
  }

  /**
   * What is done again is written down already, and gives its room back only when it
   * is done.
   */
  get #waitsForRoom(): boolean {
    const undo = this.#undo;
    return undo !== undefined && undo.isFull && this.#redo === 0;
  }

  get #isThrottled(): boolean {
    return this.#throttle?.isWaiting ?? false;
  }

  get waitMs(): number {
    return this.#isThrottled ? this.#throttle!.waitMs() : -1;
  }

  /** Has other rates from now on, or none. */
  changeThrottle(throttle: Throttle | undefined): void {
    this.#throttle = throttle;
  }

  /** How many of the next requests another process may have begun. */
  get redoCount(): number {
    return this.#redo;
  }

  /** Requests that wait for a backend. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  /**
   * Whether a request waits for a backend that ends it only when it is polled;
   * who waits for the others is woken.
   */
  get needsPolling(): boolean {
    return this.#runner.needsPolling(this.#pending);
  }

  /** Fails, at the next poll, what waits for lanes: the ring has to stop. */
  abandonLanes(): void {
    this.#runner.abandonLanes(this.#pending);
  }

  /** Closes the backends that do not end what is pending. */
  abandon(reason: string): void {
    this.#runner.closeBackends(this.#pending, reason);
  }

  /**
   * Takes what is available, up to a bound, and completes what the backends
   * complete at once. True when the driver wants to be notified.
   */
  service(mostBursts?: number, mostOfFirst = BURST): boolean {
    const size = this.#size;
    const { slots } = this.#virtqueue;
    const isAlone = mostBursts === undefined;
    const mostBytes = isAlone ? size.mostBytes : LEAST_BURST_BYTES;
    const most = mostBursts ?? BURSTS_PER_SERVICE;
    let notify = false;
    let isLargest = false;
    for (let i = 0; i < most && !isLargest; i++) {
      const isTimed = this.#counts.latency.begins();
      const count = this.#popBurst(i === 0 ? mostOfFirst : BURST, mostBytes);
      if (count === 0) break;
      isLargest = isAlone &&
        size.isReachedBy(this.#burst, count, slots.readableBytes);
      if (isLargest) size.begins(performance.now());
      this.#counts.latency.next();
      if (this.#redo > 0) this.#runAgain();
      else this.#runner.runBurst(this.#ready, this.#readyCount);
      this.#settle(this.#burst, count);
      // What waits for a backend has taken no time here.
      isLargest &&= this.pendingCount === 0;
      if (isLargest) size.ended(performance.now());
      if (this.#isRedoing) this.#endRedone();
      if (isTimed) this.#counts.time(this.#burst[0]!);
      notify = this.#publish() || notify;
    }
    this.#releaseOldLists();
    return notify;
  }

  /** Shows the driver what has ended. */
  #publish(): boolean {
    const virtqueue = this.#virtqueue;
    const notify = virtqueue.publish() || this.#isUntold;
    this.#isUntold = false;
    // A packed ring's base has what is used, too; another ring may be the one whose
    // backend never returns.
    if (virtqueue.isPacked) this.#counters[BASE] = virtqueue.base;
    const undo = this.#undo;
    if (undo?.hasRecords) undo.shown(this.#redo === 0);
    return notify;
  }

  /** Runs what is done again, marked as what may end this process, too. */
  #runAgain(): void {
    const journal = this.#journal;
    if (journal && this.#readyCount > 0) journal.tries++;
    this.#isRedoing = true;
    this.#runner.runBurst(this.#ready, this.#readyCount);
  }

  /** What is done again has ended, unless a backend has it still. */
  #endRedone(): void {
    if (this.#pending.count > 0) return;
    if (this.#journal) this.#journal.tries = 0;
    this.#isRedoing = false;
    this.#redo--;
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
  }

  /** Completes requests whose backend has finished them since. */
  poll(): boolean {
    this.#runner.poll(this.#pending);
    // A backend may kick its own queue, which then is polled within this poll.
    const pending = this.#pending;
    this.#pending = this.#spare ?? new SlotList();
    this.#spare = undefined;
    this.#settle(pending.slots, pending.count);
    if (this.#isRedoing) this.#endRedone();
    if (this.#counts.latency.waiting >= 0) {
      this.#counts.time(this.#counts.latency.waiting);
    }
    pending.count = 0;
    this.#spare = pending;
    this.#releaseOldLists();
    return this.#publish();
  }

  /**
   * Takes what the guest may have, and one request more than it may have bytes
   * of. What it sends is counted, whatever becomes of it.
   */
  #takeWithin(throttle: Throttle, wanted: number, mostBytes: number): number {
    const most = throttle.room(wanted);
    if (most === 0) return 0;
    const virtqueue = this.#virtqueue;
    const burst = this.#burst;
    const room = Math.ceil(Math.min(throttle.roomBytes(), mostBytes));
    const count = virtqueue.take(burst, most, room);
    const { readableBytes } = virtqueue.slots;
    let bytes = 0;
    for (let i = 0; i < count; i++) bytes += readableBytes[burst[i]!]!;
    this.#counters[WAITED_MS]! += throttle.taken(count, bytes);
    return count;
  }

  /**
   * Takes the next burst, of `mostRequests` at most, and none once there are
   * `bytes` to be read, and prepares its requests; how many there are.
   */
  #popBurst(mostRequests: number, bytes: number): number {
    const virtqueue = this.#virtqueue;
    const burst = this.#burst;
    const redo = this.#redo;
    if (this.#isRedoing) return 0;
    // By itself, so that it is known which one ends the process.
    const most = redo > 0 ? 1 : mostRequests;
    const undo = this.#undo;
    let mostBytes = bytes;
    if (undo !== undefined) {
      if (this.#waitsForRoom) return 0;
      if (redo > 0) mostBytes = 1;
      else if (undo.roomBytes < mostBytes) mostBytes = undo.roomBytes;
    }
    const count = this.#throttle
      ? this.#takeWithin(this.#throttle, most, mostBytes)
      : virtqueue.take(burst, most, mostBytes);
    if (count === 0) return 0;
    const base = this.#base;
    this.#base = virtqueue.base;
    // Others go on there, should a backend never return.
    this.#counters[BASE] = this.#base;
    const requests = this.#requests;
    if (requests.burst.slotCount < virtqueue.slots.count) {
      requests.addSlots(virtqueue.slots.count);
    }
    requests.burst.regions = virtqueue.regions;
    // Requests may name what was opened just before they became available.
    this.#sessions.refresh();
    const ready = this.#ready;
    let readyCount = this.#format.prepare(burst, count, ready);
    if (redo > 0 && readyCount > 0 && !this.#mayRunAgain(ready[0]!)) {
      requests.end(ready[0]!, Status.Error);
      readyCount = 0;
    }
    if (
      undo !== undefined && (requests.mayOverwrite || redo > 0) &&
      !undo.protect(burst, base, ready, readyCount, redo > 0)
    ) {
      requests.end(ready[0]!, Status.Error);
      readyCount = 0;
    }
    this.#readyCount = readyCount;
    return count;
  }

  /** Whether a request may run that another process may have begun. */
  #mayRunAgain(slot: number): boolean {
    const requests = this.#requests;
    if ((this.#journal?.tries ?? 0) >= MOST_TRIES) return false;
    // What builds its lists itself counts as it goes.
    if (requests.burstOf(slot) !== requests.burst) return false;
    if (this.#undo) return true;
    // Nothing tells what its inputs were.
    const overwritten = new OverwrittenRanges();
    this.#format.findOverwritten(slot, overwritten, true);
    return !overwritten.any;
  }

  /** Answers requests that have an outcome; keeps those that have none. */
  #settle(slots: Int32Array<ArrayBuffer>, count: number): void {
    let at = 0;
    while (at < count) {
      const end = this.#passDone(slots, at, count);
      if (end > at) {
        this.#answer(end - at);
        at = end;
        continue;
      }
      const slot = slots[at++]!;
      // What has ended is not to be lost to a call that never returns.
      if (this.#runner.mayCall(slot)) this.#isUntold = this.#publish();
      if (this.#runner.conclude(slot)) {
        this.#ended[0] = slot;
        this.#otherRoutes = false;
        this.#answer(1);
      } else this.#pending.add(slot);
    }
    this.#counters[IN_FLIGHT] = this.#pending.count;
  }

  /**
   * Lists slots, from index `from` on, whose requests have simply succeeded, a
   * burst of them at most; returns the index behind them.
   */
  #passDone(
    slots: Int32Array<ArrayBuffer>,
    from: number,
    count: number,
  ): number {
    const { fields } = this.#requests.burst;
    const ended = this.#ended;
    const route = fields[FIELDS * (slots[from]! & MASK) + ROUTE]!;
    let others = 0;
    let at = from;
    for (; at < count && at - from < BURST; at = (at + 1) | 0) {
      const slot = slots[at]! & MASK;
      const request = FIELDS * slot;
      if (
        fields[request + STATUS] !== OK ||
        (fields[request + WRITTEN]! >>> 0) > fields[request + ROOM]!
      ) break;
      others |= fields[request + ROUTE]! ^ route;
      ended[at - from] = slot;
    }
    this.#otherRoutes = others !== 0;
    return at;
  }

  /** Answers the first `count` of the requests that have ended. */
  #answer(count: number): void {
    const virtqueue = this.#virtqueue;
    const ended = this.#ended;
    const lengths = this.#lengths;
    const refused = this.#format.finish(ended, count, lengths);
    const { words } = this.#requests;
    const { readableBytes, writableBytes } = virtqueue.slots;
    const numbers = this.#numbers;
    let sessions = 0;
    let endedBytes = 0;
    for (let i = 0; i < count; i++) {
      const slot = ended[i]! & MASK;
      const at = WORDS * slot + SESSION;
      const session = words[at]!;
      endedBytes += readableBytes[slot]! + writableBytes[slot]!;
      if (session === NONE) continue;
      words[at] = NONE;
      numbers[sessions] = session;
      sessions = (sessions + 1) | 0;
    }
    virtqueue.give(ended, lengths, count);
    if (refused > 0 || this.#otherRoutes) this.#counts.each(ended, count);
    else this.#counts.alike(ended[0]!, count, endedBytes);
    this.#sessions.finished(numbers, sessions);
    this.#counts.all(count, refused, endedBytes);
    this.#counters[MOVED_ON]! += this.#runner.movedOn;
    this.#runner.movedOn = 0;
  }
}
