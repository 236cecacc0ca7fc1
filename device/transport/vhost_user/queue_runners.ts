/**
 * Who serves a guest's rings: queue threads, and the main thread for the control
 * queue.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { Device } from "../../device.ts";
import type { LaneHost } from "../../lane/lane_host.ts";
import { AnnouncementMemory } from "../../session/announcement_memory.ts";
import { FailureNotes } from "../../session/failure.ts";
import { sessionName } from "../../session/session_needs.ts";
import type { SessionAnnouncement } from "../../session/session_table.ts";
import { ControlRing } from "./control_ring.ts";
import type { GuestSignals } from "./guest_signals.ts";
import { type Log, logFailure, logHealth } from "./log.ts";
import type { MemoryTable } from "./memory_table.ts";
import { QueueThread } from "./queue_thread.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { RingRunner } from "./ring_runner.ts";

/** What runners are made with. */
export interface QueueRunnersOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  readonly lanes: LaneHost;
  readonly spinMicroseconds: number;
  readonly memory: MemoryTable;
  readonly signals: GuestSignals;
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
  readonly #threads = new Map<number, QueueThread>();
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
    this.#guest = options.lanes.newGuest();
    this.#control = new ControlRing({
      ...options,
      broken: (reason) => options.broken(index, reason),
      failed: (reason) => options.failed(`control queue: ${reason}`),
    });
    const threads = this.#threads;
    this.#unobserve = device.sessions.observe({
      get waitingAnnouncements() {
        let most = 0;
        for (const thread of threads.values()) {
          most = Math.max(most, thread.waitingCommands);
        }
        return most;
      },
      opened: (announcement) => this.#opened(announcement),
      closed: (id) => this.#closed(id),
      keysChanged: () => {
        for (const thread of this.#threads.values()) thread.keysChanged();
      },
      refused: ({ status, reason }) =>
        this.#failures.note({
          of: "session",
          reason: `status ${status}, ${reason}`,
        }),
    });
  }

  /** Counters of the data queues that have a thread, by queue. */
  get counters(): ReadonlyMap<number, Float64Array> {
    return new Map(
      [...this.#threads].map(([index, thread]) => [index, thread.counters]),
    );
  }

  /** The runner of a ring, where it has one already. */
  get(index: number): RingRunner | undefined {
    return index === this.#controlIndex
      ? this.#control
      : this.#threads.get(index);
  }

  /**
   * The runner of a ring, or why there can be none; a data ring's thread lives as
   * long as the guest.
   */
  make(index: number): RingRunner | string {
    const existing = this.get(index);
    if (existing) return existing;
    const { libc, device, lanes, spinMicroseconds, memory } = this.#options;
    const thread = QueueThread.start({
      libc,
      lanes,
      index,
      guest: this.#guest,
      settings: device.threadSettings,
      spinMicroseconds,
      memory,
      sessions: this.#announcements.putAll(device.sessions.current()),
      broken: (reason) => this.#options.broken(index, reason),
      health: (backend, failure) => this.#health(index, backend, failure),
      failure: this.#failures.note,
      failed: (reason) => this.#options.failed(`queue ${index}: ${reason}`),
    });
    if (typeof thread !== "string") this.#threads.set(index, thread);
    return thread;
  }

  /** Settled when nobody uses other memory than that of the table. */
  async changeMemory(): Promise<void> {
    await Promise.all([
      this.#control.changeMemory(),
      ...[...this.#threads.values()].map((thread) => thread.changeMemory()),
    ]);
  }

  /** Ends all; settled when none touches guest memory any more. */
  async exit(): Promise<void> {
    this.#ended = true;
    this.#unobserve();
    const stopped = this.#control.stop();
    const threads = [...this.#threads.values()];
    for (const thread of threads) thread.exit();
    for (const index of this.#threads.keys()) {
      this.#options.device.threadEnded(index);
    }
    await Promise.all([stopped, ...threads.map(({ exited }) => exited)]);
    this.#announcements.wipe();
  }

  #health(index: number, backend: string, failure: string | undefined): void {
    const { log, device } = this.#options;
    if (!this.#ended) device.backendHealth(index, backend, failure);
    logHealth(log, `queue ${index}`, backend, failure);
  }

  #opened(announcement: SessionAnnouncement): void {
    if (this.#threads.size > 0) {
      const place = this.#announcements.put(announcement, this.#threads.size);
      for (const thread of this.#threads.values()) thread.opened(place);
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
    for (const thread of this.#threads.values()) thread.closed(id);
    this.#options.log("debug", `session ${id} destroyed`, { session: `${id}` });
  }
}
