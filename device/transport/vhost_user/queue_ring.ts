/**
 * A data ring on the thread that serves it.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { signalWithRoom } from "../../../ffi/libc_foreign.ts";
import { DataQueue } from "../../data_queue.ts";
import { undrained } from "../../drain.ts";
import { Counter } from "../../queue_counts.ts";
import type { AssociationTable } from "../../ipsec_requests.ts";
import type { LeftChain } from "../../left_chains.ts";
import type { GuestMemory } from "../../ring/guest_memory.ts";
import { ServedQueue } from "../../served_queue.ts";
import type { ThreadSessions } from "../../session/thread_sessions.ts";
import { Status } from "../../wire/status.ts";
import { Throttle, type ThrottleState } from "../../throttle.ts";
import { DriverRounds } from "./driver_rounds.ts";
import { openJournal, openUndoLog } from "./journal_place.ts";
import { inflightAt } from "./inflight_memory.ts";
import { locateRing } from "./ring_place.ts";
import type { CountersPlace, RingStart } from "./thread_messages.ts";

/** How often a ring without a kick descriptor is looked at. */
const POLLING_MS = 1;
/** How often a ring that stops is looked at while a lane has its operations. */
const STOPPING_MS = 50;
/** The same while it is served. A lane wakes the thread, unless it is stuck. */
const LANE_MS = 1000;

/** The thread that a ring is on. */
export interface RingThread {
  readonly libc: Libc;
  /** Tells milliseconds, the same ones on all threads. */
  readonly clock: () => number;
  /** Has the ring looked at in the next turn. */
  wake(ring: QueueRing): void;
}

/** The guest that a ring is of. */
export interface RingGuest {
  readonly sessions: ThreadSessions;
  readonly settings: ConstructorParameters<typeof DataQueue>[0]["settings"];
  readonly throttle: ThrottleState | undefined;
  /** Absent where the device has none. */
  readonly associations: AssociationTable | undefined;
  /** Hears that requests of a ring wait for the guest's limits. */
  throttled(index: number): void;
  /** Hears why a ring is no longer served. */
  broken(index: number, reason: string): void;
  /** Hears why nothing of it can be served any longer. */
  failed(reason: string): void;
}

/** A ring that has been started. */
export class QueueRing {
  readonly index: number;
  readonly guest: RingGuest;
  /** -1 where the ring is looked at from time to time. */
  kickFd: number;
  /** Whether the thread has it in the list of those that it looks at. */
  isAwake = false;
  /** Whether it has been stopped for good. */
  isGone = false;
  /** Turns since there was something to do. */
  idleTurns = 0;
  readonly counters: Float64Array;
  readonly #thread: RingThread;
  readonly #queue: ServedQueue<DataQueue>;
  #data: DataQueue | undefined;
  readonly #isDraft: boolean;
  #callFd: number;
  #notificationsEnabled = true;
  #toldBroken = false;
  #toldThrottled = false;
  #counted = 0;
  readonly #rounds = new DriverRounds();
  /** Who waits for the end of what is under way. */
  readonly #waiting: (() => void)[] = [];

  constructor(
    index: number,
    start: RingStart & CountersPlace,
    guest: RingGuest,
    thread: RingThread,
  ) {
    const { addresses, mode, kickFd, callFd, counters, ...rest } = start;
    const {
      redo,
      journal: place,
      inflight: tracked,
      hasAssociations,
      ...form
    } = rest;
    const journal = place && openJournal(place);
    const undo = place?.undo && {
      log: openUndoLog(place.undo),
      isComplete: place.undo.isComplete,
    };
    this.index = index;
    this.guest = guest;
    this.#thread = thread;
    this.kickFd = kickFd;
    this.#callFd = callFd;
    this.#isDraft = mode.layout === "draft-9";
    this.counters = new Float64Array(counters);
    this.takeCount();
    const { sessions, settings } = guest;
    this.#queue = new ServedQueue({
      form: {
        ...form,
        journal: form.packed ? journal : undefined,
        inflight: tracked && inflightAt(tracked),
        mostWrittenBytes: settings.maximumSizeBytes,
      },
      locate: (memory) => locateRing(memory, addresses, form.size, form.packed),
      create: (virtqueue, memory) => {
        return this.#data = new DataQueue({
          virtqueue,
          memory,
          mode,
          sessions,
          settings,
          counters: this.counters,
          throttle: this.#newThrottle(),
          // It may come to other memory before all of them are done again.
          redo: this.#data?.redoCount ?? redo,
          journal,
          undo,
          ...(hasAssociations && { associations: guest.associations! }),
        });
      },
    });
  }

  #newThrottle(): Throttle | undefined {
    const { throttle } = this.guest;
    return throttle && new Throttle(throttle, this.#thread.clock);
  }

  /** Has the guest's rates as they are now; what has waited is looked at anew. */
  changeThrottle(): void {
    this.#data?.changeThrottle(this.#newThrottle());
    this.#thread.wake(this);
  }

  /** Where the ring stands, as GET_VRING_BASE reports it. */
  get base(): number {
    return this.#queue.base;
  }

  /** Whether it is in its memory, served or about to stop. */
  get isOpen(): boolean {
    return this.#queue.isServed || this.#queue.isStopping;
  }

  /** Requests that it has answered since the last call. */
  takeCount(): number {
    const requests = this.counters[Counter.Requests]!;
    const added = requests - this.#counted;
    this.#counted = requests;
    return added;
  }

  /** Whether a lane has requests of it. */
  get waitsForLane(): boolean {
    return this.#queue.pendingCount > 0 && !this.#queue.needsPolling;
  }

  /** When it is to be looked at again though nothing wakes it; -1: never. */
  get lookAgainMs(): number {
    const { isStopping, isServed, pendingCount, waitMs } = this.#queue;
    if (isStopping) return STOPPING_MS;
    if (this.kickFd < 0 && isServed) return POLLING_MS;
    const laneMs = pendingCount > 0 ? LANE_MS : -1;
    if (waitMs < 0) return laneMs;
    return laneMs < 0 ? Math.ceil(waitMs) : Math.min(laneMs, Math.ceil(waitMs));
  }

  /** Serves the ring from now on, where it is in `memory`. */
  open(memory: GuestMemory): void {
    if (this.#queue.broken !== undefined) return;
    this.#queue.open(memory);
    this.#notificationsEnabled = true;
    this.#tellBroken();
    this.#thread.wake(this);
  }

  /**
   * One turn: serves what is available, up to a bound, or goes on with the end of
   * what is under way. True when there was something to do. `mostBursts`: how much
   * it may take at most, where others wait for their turn.
   */
  turn(mostBursts: number | undefined): boolean {
    const queue = this.#queue;
    if (!queue.isServed) return queue.isStopping && this.#drain();
    if (this.#notificationsEnabled) {
      queue.disableNotifications();
      this.#notificationsEnabled = false;
    }
    const before = queue.base;
    const isAwaited = this.idleTurns > 0 && mostBursts === undefined;
    if (queue.serve(mostBursts, isAwaited ? this.#rounds.part : undefined)) {
      this.#rounds.notified();
      this.notify();
    }
    if (this.guest.throttle && !this.#toldThrottled) this.#tellThrottled();
    if (queue.base !== before) return true;
    if (queue.isStopping) return this.#drain();
    const isPending = queue.pendingCount > 0;
    if (this.idleTurns === 0) {
      this.#rounds.waits(this.counters[Counter.Requests]!, !isPending);
    }
    return isPending && queue.needsPolling;
  }

  /**
   * Asks for kicks before the thread leaves the ring alone; true when something
   * is available already.
   */
  fallAsleep(): boolean {
    if (!this.#queue.isServed) return this.#queue.needsPolling;
    this.#notificationsEnabled = true;
    return this.#queue.enableNotifications(); // model: last look
  }

  /**
   * What has been taken and not answered. Nothing of the draft, whose status is
   * where each service has it.
   */
  get left(): LeftChain[] {
    return this.#isDraft ? [] : this.#queue.left;
  }

  /** Fails what the thread before had, which touches it no more. */
  failLeft(chains: readonly LeftChain[]): void {
    this.counters[Counter.Requests]! += chains.length;
    this.counters[Counter.Failures]! += chains.length;
    this.counters[Counter.ByStatus + Status.Error]! += chains.length;
    if (this.#queue.failLeft(chains)) this.notify();
  }

  notify(): void {
    if (this.#callFd >= 0) signalWithRoom(this.#thread.libc, this.#callFd);
  }

  /** Notifies through `fd` from now on, at once for what may have been missed. */
  changeCall(fd: number): void {
    this.#callFd = fd;
    this.notify();
  }

  /**
   * Takes nothing more. `drained` is called, perhaps at once, when nothing is
   * under way and no view of guest memory is left.
   */
  stop(drained: () => void): void {
    this.#waiting.push(drained);
    this.#queue.stop();
    this.#drain();
    if (this.#queue.isStopping) this.#thread.wake(this);
  }

  /**
   * Ends a ring whose service has thrown: nothing of its guest is served any
   * longer, and closed backends write nothing more.
   */
  fail(reason: string): void {
    this.#queue.abandonLanes();
    this.#queue.abandon(reason);
    this.#end();
    this.guest.failed(reason);
  }

  /** One look at what is under way; false: nothing more can be done now. */
  #drain(): boolean {
    const queue = this.#queue;
    // A backend that is closed writes nothing more.
    const late = (count: number) => queue.abandon(undrained(count));
    if (queue.drain(late)) this.notify();
    if (queue.pendingCount > 0) return queue.needsPolling;
    this.#end();
    return false;
  }

  #end(): void {
    this.#queue.close();
    this.#tellBroken();
    for (const drained of this.#waiting.splice(0)) drained();
  }

  #tellThrottled(): void {
    if (this.#queue.waitMs < 0) return;
    this.#toldThrottled = true;
    this.guest.throttled(this.index);
  }

  #tellBroken(): void {
    const { broken } = this.#queue;
    if (broken === undefined || this.#toldBroken) return;
    this.#toldBroken = true;
    this.guest.broken(this.index, broken);
  }
}
