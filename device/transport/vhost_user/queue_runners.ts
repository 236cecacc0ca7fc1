/**
 * Who serves a guest's rings: queue threads, and the main thread for the control
 * queue.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { Device } from "../../device.ts";
import { AnnouncementMemory } from "../../session/announcement_memory.ts";
import { FailureNotes } from "../../session/failure.ts";
import { sessionName } from "../../session/session_needs.ts";
import type { SessionAnnouncement } from "../../session/session_table.ts";
import { ControlRing } from "./control_ring.ts";
import type { KeptGuest } from "./kept_guest.ts";
import type { GuestSignals } from "./guest_signals.ts";
import { type Log, logFailure, logHealth } from "./log.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { QueueThread, ThreadGuest } from "./queue_thread.ts";
import type { QueueThreads } from "./queue_threads.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { RingRunner } from "./ring_runner.ts";
import type { GuestReport } from "./thread_messages.ts";
import { type SeatedRing, ThreadSeat } from "./thread_seat.ts";

/** What runners are made with. */
export interface QueueRunnersOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  readonly threads: QueueThreads;
  readonly memory: MemoryTable;
  readonly signals: GuestSignals;
  /** Where the guest outlives this process; absent: it does not. */
  readonly kept?: KeptGuest | undefined;
  /** Hears why a ring is no longer served. */
  broken(index: number, reason: string): void;
  /** Hears why the guest cannot be served any longer. */
  failed(reason: string): void;
}

/** The runners of one guest. */
export class QueueRunners {
  readonly #options: QueueRunnersOptions;
  readonly #control: ControlRing;
  readonly #controlIndex: number;
  readonly #rings = new Map<number, SeatedRing>();
  readonly #seats = new Map<QueueThread, ThreadSeat>();
  readonly #announcements = new AnnouncementMemory();
  /** What is told of all threads of this guest. */
  readonly #failures = new FailureNotes((failure) =>
    logFailure(this.#options.log, failure)
  );
  readonly #unobserve: () => void;
  readonly #guest: number;
  #ended = false;

  constructor(options: QueueRunnersOptions) {
    this.#options = options;
    const { device } = options;
    const index = device.dataQueueCount;
    this.#controlIndex = index;
    this.#guest = options.threads.newGuest();
    this.#control = new ControlRing({
      ...options,
      broken: (reason) => options.broken(index, reason),
      failed: (reason) => options.failed(`control queue: ${reason}`),
    });
    const seats = this.#seats;
    this.#unobserve = device.sessions.observe({
      get waitingAnnouncements() {
        let most = 0;
        for (const { waitingAnnouncements } of seats.values()) {
          most = Math.max(most, waitingAnnouncements);
        }
        return most;
      },
      opened: (announcement) => this.#opened(announcement),
      closed: (id) => this.#closed(id),
      keysChanged: () => {
        for (const seat of seats.values()) seat.keysChanged();
      },
      refused: ({ status, reason }) =>
        this.#failures.note({
          of: "session",
          reason: `status ${status}, ${reason}`,
        }),
    });
  }

  /** Counters of the data queues that have run, by queue. */
  get counters(): ReadonlyMap<number, Float64Array> {
    return new Map(
      [...this.#rings].map(([index, { counters }]) => [index, counters]),
    );
  }

  /** The runner of a ring, where it has one already. */
  get(index: number): RingRunner | undefined {
    return index === this.#controlIndex
      ? this.#control
      : this.#rings.get(index);
  }

  /**
   * The runner of a ring, or why there can be none; a data ring stays on its
   * thread as long as there is the guest.
   */
  make(index: number): RingRunner | string {
    const existing = this.get(index);
    if (existing) return existing;
    const thread = this.#options.threads.leastLoaded((thread) =>
      this.#seats.get(thread)?.ringCount ?? 0
    );
    if (typeof thread === "string") return thread;
    const seat = this.#seats.get(thread) ?? this.#sitDown(thread);
    const ring = seat.addRing(index);
    this.#rings.set(index, ring);
    return ring;
  }

  #sitDown(thread: QueueThread): ThreadSeat {
    const { device, threads, memory } = this.#options;
    const seat = new ThreadSeat(thread, {
      guest: this.#guestOn(thread),
      start: {
        guest: this.#guest,
        settings: threads.numberOf(device.threadSettings),
        keys: device.threadSettings.keys,
        throttle: device.throttle,
        memory: { ranges: memory.ranges, log: memory.log },
      },
      sessions: this.#announcements.putAll(device.sessions.current()),
    });
    this.#seats.set(thread, seat);
    return seat;
  }

  #guestOn({ number }: QueueThread): ThreadGuest {
    const { broken, failed } = this.#options;
    return {
      broken,
      told: (report) => this.#told(number, report),
      failed: (reason) => failed(`queue thread ${number}: ${reason}`),
    };
  }

  /** Settled when nobody uses other memory than that of the table. */
  async changeMemory(): Promise<void> {
    const { ranges, log } = this.#options.memory;
    const memory = { ranges, log };
    await Promise.all([
      this.#control.changeMemory(),
      ...[...this.#seats.values()].map((seat) => seat.changeMemory(memory)),
    ]);
  }

  /** Settled when everybody knows of memory that was added. */
  async growMemory(): Promise<void> {
    const added = this.#options.memory.newest;
    this.#control.growMemory();
    await Promise.all(
      [...this.#seats.values()].map((seat) => seat.growMemory(added)),
    );
  }

  /** Ends all; settled when none touches guest memory any more. */
  async exit(): Promise<void> {
    this.#ended = true;
    this.#unobserve();
    const seats = [...this.#seats.values()];
    for (const { thread } of seats) {
      this.#options.device.threadEnded(thread.number);
    }
    await Promise.all([
      this.#control.stop(),
      ...seats.map((seat) => seat.leave()),
    ]);
    this.#announcements.wipe();
  }

  #told(
    thread: number,
    report: Extract<GuestReport, { kind: "health" | "failure" }>,
  ): void {
    if (report.kind === "failure") return this.#failures.note(report.failure);
    const { log, device } = this.#options;
    const { backend, failure } = report;
    if (!this.#ended) device.backendHealth(thread, backend, failure);
    logHealth(log, `queue thread ${thread}`, backend, failure);
  }

  #opened(announcement: SessionAnnouncement): void {
    if (this.#seats.size > 0) {
      const place = this.#announcements.put(announcement, this.#seats.size);
      for (const seat of this.#seats.values()) seat.opened(place);
    }
    const { id, placement, description } = announcement;
    const [first] = placement.choices;
    this.#options.log(
      "debug",
      `session ${id} created: ${sessionName(description)} on ${first?.backend}`,
      { session: `${id}`, ...(first && { backend: first.backend }) },
    );
  }

  #closed(id: number): void {
    for (const seat of this.#seats.values()) seat.closed(id);
    this.#options.log("debug", `session ${id} destroyed`, { session: `${id}` });
  }
}
