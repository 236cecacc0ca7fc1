/**
 * Who serves a guest's rings: queue threads, and the main thread for the control
 * queue.
 *
 * @module
 */

import type { LeftChain } from "../../left_chains.ts";
import type { Libc } from "../../../ffi/libc.ts";
import type { Device } from "../../device.ts";
import { FailureNotes } from "../../session/failure.ts";
import { ControlRing, type ControlRingOptions } from "./control_ring.ts";
import type { KeptGuest } from "./kept_guest.ts";
import type { GuestSignals } from "./guest_signals.ts";
import type { GuestUsage, QueueCounters, SeatWork } from "./guest_usage.ts";
import { type Log, logFailure, logHealth } from "./log.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { GuestNews, QueueThread, ThreadGuest } from "./queue_thread.ts";
import type { QueueThreads } from "./queue_threads.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { RingRunner } from "./ring_runner.ts";
import { ThreadAnnouncements } from "./thread_announcements.ts";
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
  /** Where it is counted what the guest has. */
  readonly usage: GuestUsage;
  /** Where the guest outlives this process; absent: it does not. */
  readonly kept?: KeptGuest | undefined;
  /** Hears why a ring is no longer served. */
  broken(index: number, reason: string): void;
  /** Hears why the guest cannot be served any longer. */
  failed(reason: string): void;
  /** Hears that a ring's thread is stuck, and where the ring stands. */
  stuck(index: number, base: number): void;
  /** Hears that the thread of a ring that was stuck is no more. */
  released(index: number): void;
}

/** The runners of one guest. */
export class QueueRunners {
  readonly #options: QueueRunnersOptions;
  /** By index: the rings of the control and administration queue. */
  readonly #own: ReadonlyMap<number, ControlRing>;
  readonly #rings = new Map<number, SeatedRing>();
  readonly #seats = new Map<QueueThread, ThreadSeat>();
  /** On threads that are stuck, with the rings that were there. */
  readonly #left = new Map<ThreadSeat, readonly number[]>();
  /** What such threads had when their call returned, by ring. */
  readonly #leftChains = new Map<number, readonly LeftChain[]>();
  /** Such threads of a driver that is no more. */
  readonly #disowned = new Set<QueueThread>();
  readonly #work: SeatWork[] = [];
  readonly #counters: QueueCounters[] = [];
  /** What is told of all threads of this guest. */
  readonly #failures = new FailureNotes((failure) =>
    logFailure(this.#options.log, failure)
  );
  readonly #announcements: ThreadAnnouncements;
  readonly #unobserveThrottle: () => void;
  readonly #guest: number;
  #ended = false;
  #toldThrottled = false;

  constructor(options: QueueRunnersOptions) {
    this.#options = options;
    const { device } = options;
    this.#guest = options.threads.newGuest();
    this.#own = ownRings(options);
    this.#announcements = new ThreadAnnouncements(
      options,
      this.#seats,
      this.#failures,
    );
    this.#unobserveThrottle = device.observeThrottle((throttle) => {
      for (const seat of this.#seats.values()) seat.changeThrottle(throttle);
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
    return this.#own.get(index) ?? this.#rings.get(index);
  }

  /**
   * The runner of a ring, or why there can be none; a data ring stays on its
   * thread as long as there is the guest.
   */
  make(index: number): RingRunner | string {
    const { dataQueueCount, adminQueueIndex } = this.#options.device;
    if (index > dataQueueCount && index !== adminQueueIndex) {
      return `ring ${index} is the administration queue's, which the driver ` +
        "does without";
    }
    const existing = this.get(index);
    if (existing) return existing;
    const thread = this.#options.threads.leastLoaded((thread) =>
      this.#seats.get(thread)?.ringCount ?? 0
    );
    if (typeof thread === "string") return thread;
    const seat = this.#seats.get(thread) ?? this.#sitDown(thread);
    const counters = this.#options.usage.addQueue(index);
    this.#counters.push(counters);
    const ring = seat.addRing(index, counters);
    this.#rings.set(index, ring);
    return ring;
  }

  #sitDown(thread: QueueThread): ThreadSeat {
    const { device, threads, memory, usage } = this.#options;
    const work = usage.addSeat();
    this.#work.push(work);
    const seat = new ThreadSeat(thread, {
      guest: this.#guestOn(thread, work),
      start: {
        guest: this.#guest,
        settings: threads.numberOf(device.threadSettings),
        keys: device.threadSettings.keys,
        throttle: device.throttle,
        ivCounter: device.associations?.store.ivCounter.place,
        work: work.memory,
        memory: { ranges: memory.ranges, log: memory.log },
      },
    });
    this.#seats.set(thread, seat);
    this.#announcements.tellAll(seat);
    return seat;
  }

  #guestOn(thread: QueueThread, { kinds }: SeatWork): ThreadGuest {
    const { number } = thread;
    const { broken, failed } = this.#options;
    return {
      broken,
      told: (report) => {
        if (report.kind === "work") kinds[report.index] = report.work;
        else if (report.kind === "left") this.#hasLeft(thread, report);
        else this.#told(number, report);
      },
      failed: (reason) => failed(`queue thread ${number}: ${reason}`),
      stuck: () => this.#leave(thread),
      released: () => this.#released(thread),
    };
  }

  /** Rings of a thread that is stuck go on elsewhere. */
  #leave(thread: QueueThread): void {
    const seat = this.#seats.get(thread);
    if (!seat) return;
    this.#seats.delete(thread);
    this.#options.device.threadEnded(thread.number);
    const rings = [...this.#rings].filter(([, ring]) => ring.thread === thread);
    this.#left.set(seat, rings.map(([index]) => index));
    for (const [index] of rings) this.#rings.delete(index);
    for (const [index, { base }] of rings) this.#options.stuck(index, base);
  }

  #released(thread: QueueThread): void {
    for (const [seat, rings] of this.#left) {
      if (seat.thread !== thread || this.#ended) continue;
      for (const index of rings) this.#options.released(index);
    }
  }

  #hasLeft(
    thread: QueueThread,
    { index, chains }: Extract<GuestNews, { kind: "left" }>,
  ): void {
    if (this.#disowned.has(thread)) return;
    const before = this.#leftChains.get(index) ?? [];
    this.#leftChains.set(index, [...before, ...chains]);
  }

  /** Fails what such threads had of a ring that runs; they touch it no more. */
  failLeft(index: number): void {
    const chains = this.#leftChains.get(index);
    if (chains) this.#rings.get(index)?.failLeft(chains);
    this.forgetLeft(index);
  }

  /** That is done again. */
  forgetLeft(index: number): void {
    this.#leftChains.delete(index);
  }

  /** The driver that waits for that is no more. */
  forgetAllLeft(): void {
    this.#leftChains.clear();
    for (const { thread } of this.#left.keys()) this.#disowned.add(thread);
  }

  /** Whether a thread that is stuck may have requests of a ring. */
  isHeld(index: number): boolean {
    return [...this.#left].some(([{ thread }, rings]) =>
      !thread.hasEnded && rings.includes(index)
    );
  }

  /** Whether a thread that is stuck may still write to memory that was changed. */
  get pinsMemory(): boolean {
    return [...this.#left.keys()].some(({ thread }) => !thread.hasEnded);
  }

  /** Settled when nobody uses other memory than that of the table. */
  async changeMemory(): Promise<void> {
    const { ranges, log } = this.#options.memory;
    const memory = { ranges, log };
    await Promise.all([
      ...[...this.#own.values()].map((ring) => ring.changeMemory()),
      ...[...this.#seats.values()].map((seat) => seat.changeMemory(memory)),
    ]);
  }

  /** Settled when everybody knows of memory that was added. */
  async growMemory(): Promise<void> {
    const added = this.#options.memory.newest;
    for (const ring of this.#own.values()) ring.growMemory();
    await Promise.all(
      [...this.#seats.values()].map((seat) => seat.growMemory(added)),
    );
  }

  /** Ends all; settled when none touches guest memory any more. */
  async exit(): Promise<void> {
    this.#ended = true;
    this.#announcements.stop();
    this.#unobserveThrottle();
    const seats = [...this.#seats.values(), ...this.#left.keys()];
    for (const { thread } of seats) {
      this.#options.device.threadEnded(thread.number);
    }
    await Promise.all([
      ...[...this.#own.values()].map((ring) => ring.stop()),
      ...seats.map((seat) => seat.leave()),
    ]);
    const { usage } = this.#options;
    for (const counters of this.#counters) usage.endQueue(counters);
    for (const work of this.#work) usage.endSeat(work);
    this.#announcements.wipe();
  }

  #told(
    thread: number,
    report: Exclude<GuestNews, { kind: "work" | "left" }>,
  ): void {
    if (report.kind === "failure") return this.#failures.note(report.failure);
    if (report.kind === "throttled") return this.#throttled(report.index);
    const { log, device } = this.#options;
    const { backend, failure } = report;
    if (!this.#ended) device.backendHealth(thread, backend, failure);
    logHealth(log, `queue thread ${thread}`, backend, failure);
  }

  /** Told once of a guest, whose queues share their limits. */
  #throttled(queue: number): void {
    if (this.#toldThrottled) return;
    this.#toldThrottled = true;
    const reason = "the guest sends more than its limits allow";
    this.#options.log("warn", `requests wait: ${reason}`, { queue, reason });
  }
}

/** The rings that the main thread serves, by index. */
function ownRings(
  options: QueueRunnersOptions,
): ReadonlyMap<number, ControlRing> {
  const { device, kept } = options;
  const control = device.dataQueueCount;
  const ring = (
    index: number,
    name: string,
    made: Pick<ControlRingOptions, "create" | "numbers">,
  ) =>
    new ControlRing({
      ...options,
      ...made,
      broken: (reason) => options.broken(index, reason),
      failed: (reason) => options.failed(`${name} queue: ${reason}`),
    });
  const rings = new Map([[
    control,
    ring(control, "control", {
      numbers: kept?.requestNumbers,
      create(virtqueue, memory, answered, redone) {
        const { numbers } = this;
        const queue = device.createControlQueue(
          virtqueue,
          memory,
          numbers,
          redone,
        );
        queue.answered = answered;
        return queue;
      },
    }),
  ]]);
  if (device.associations) {
    rings.set(
      control + 1,
      ring(control + 1, "administration", {
        numbers: kept?.ipsec?.log.requestNumbers,
        create(virtqueue, _memory, _answered, redone) {
          return device.createAdminQueue(virtqueue, this.numbers, redone);
        },
      }),
    );
  }
  return rings;
}
