/**
 * The guest of one front-end: its rings, its memory and who serves them.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import type { Device } from "../../device.ts";
import { describeSession } from "../../session/session_needs.ts";
import { AnnouncementMemory } from "../../session/announcement_memory.ts";
import type { SessionAnnouncement } from "../../session/session_table.ts";
import {
  F_EVENT_IDX,
  F_IN_ORDER,
  F_RING_PACKED,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../../wire/features.ts";
import { ControlRing } from "./control_ring.ts";
import { GuestSignals } from "./guest_signals.ts";
import type { Log } from "./log.ts";
import { MemoryTable } from "./memory_table.ts";
import { PROTOCOL_F_CONFIG } from "./messages.ts";
import { QueueThread } from "./queue_thread.ts";
import type { Reactor } from "./reactor.ts";
import type { RingRunner } from "./ring_runner.ts";
import { Vring } from "./vring.ts";

/** Device status bit: the device has a problem that needs a reset. */
export const STATUS_NEEDS_RESET = 0x40;

/** How long the next front-end waits for threads of the last one. */
const CLOSE_MS = 500;

/** What a guest is made with. */
export interface GuestOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly log: Log;
  readonly spinMicroseconds: number;
  /** Hears why the guest cannot be served any longer. */
  failed(reason: string): void;
}

/** Rings, memory and queue threads of one front-end. */
export class Guest {
  readonly rings: readonly Vring[];
  readonly memory: MemoryTable;
  /** Settled when everything of a closed guest has been given back. */
  readonly finished: Promise<void>;
  /** As the front-end has set them, with bit 30. */
  features = 0n;
  protocolFeatures = 0n;
  readonly #options: GuestOptions;
  readonly #signals: GuestSignals;
  readonly #control: ControlRing;
  readonly #threads = new Map<number, QueueThread>();
  readonly #announcements = new AnnouncementMemory();
  readonly #unobserve: () => void;
  #markFinished = () => {};
  #ended = false;
  #status = 0;
  /** No ring has run since the control ring stopped. */
  #restarts = false;

  constructor(options: GuestOptions) {
    const { libc, reactor, device } = options;
    this.#options = options;
    this.finished = new Promise((resolve) => this.#markFinished = resolve);
    this.memory = new MemoryTable(libc);
    this.#signals = new GuestSignals(libc);
    this.rings = Array.from(
      { length: device.dataQueueCount + 1 },
      (_, index) => new Vring(libc, index),
    );
    this.#control = new ControlRing({
      libc,
      reactor,
      device,
      memory: this.memory,
      signals: this.#signals,
      broken: (reason) => this.#broken(this.#controlRing, reason),
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
      refused: ({ status, reason }) =>
        options.log("debug", `session refused, status ${status}: ${reason}`),
    });
  }

  /**
   * Whether the front-end hands over control queue and config space. QEMU's
   * cryptodev keeps both and never negotiates CONFIG.
   */
  get generic(): boolean {
    return (this.protocolFeatures & PROTOCOL_F_CONFIG) !== 0n;
  }

  /** Device status, where the front-end tells it. */
  get status(): number {
    return this.#options.device.needsReset
      ? this.#status | STATUS_NEEDS_RESET
      : this.#status;
  }

  set status(status: number) {
    this.#status = status;
  }

  /** Counters of the data queues that have a thread, by queue. */
  get counters(): ReadonlyMap<number, Float64Array> {
    return new Map(
      [...this.#threads].map(([index, thread]) => [index, thread.counters]),
    );
  }

  get #controlRing(): Vring {
    return this.rings[this.rings.length - 1]!;
  }

  /**
   * Starts or stops a ring as its state wants it. Returns what is wrong with
   * what the front-end said of it.
   */
  async refresh(ring: Vring): Promise<string | undefined> {
    const wanted = this.#isWanted(ring) && !this.#ended;
    if (ring.running && !wanted) await this.stop(ring);
    if (!ring.running && wanted) return this.#start(ring);
    return undefined;
  }

  /** Stops a ring; its base is then where it stands. */
  async stop(ring: Vring): Promise<void> {
    if (!ring.running) return;
    ring.running = false;
    const base = await this.#runner(ring)!.stop();
    ring.setBase(base);
    const position = this.#position(base);
    this.#options.log("info", `queue ${ring.index} stopped at ${position}`);
  }

  /** Ends a ring for GET_VRING_BASE; returns where it stands. */
  async end(ring: Vring): Promise<number> {
    await this.stop(ring);
    ring.started = false;
    if (ring.kickFd >= 0) closeForeign(this.#options.libc, ring.kickFd);
    ring.kickFd = -1;
    ring.stoppedAt = ring.base(this.#packed);
    if (this.rings.every(({ started }) => !started)) this.#restarts = true;
    return ring.stoppedAt;
  }

  get #packed(): boolean {
    return (this.features & F_RING_PACKED) !== 0n;
  }

  /** A ring's base for logs; of a packed ring, wrap counters and two indices. */
  #position(base: number): string {
    return this.#packed ? `0x${base.toString(16)}` : `${base}`;
  }

  /** Stops all rings. */
  async stopAll(): Promise<void> {
    await Promise.all(this.rings.map((ring) => this.stop(ring)));
  }

  /** Back to the state before the driver; memory and descriptors stay. */
  async reset(): Promise<void> {
    await this.stopAll();
    for (const ring of this.rings) ring.reset();
    this.#options.device.reset();
    this.#status = 0;
    this.#options.log("info", "device reset");
  }

  /**
   * Device status 0. QEMU writes it after it has stopped the rings, when the
   * driver resets the device and when the guest only pauses; sessions then wait
   * for the rings to tell which it was.
   */
  async clearStatus(): Promise<void> {
    const stoppedBefore = this.rings.every((ring) => !ring.started) &&
      this.rings.some((ring) => ring.stoppedAt !== undefined);
    if (stoppedBefore) {
      this.#status = 0;
      this.#options.device.ringsRenewed();
    } else await this.reset();
  }

  /** Notifies a ring's driver through another descriptor, -1 for none. */
  async changeCall(ring: Vring, fd: number): Promise<void> {
    const old = ring.callFd;
    ring.callFd = fd;
    // The thread may signal the old descriptor until it has heard of the new.
    await this.#runner(ring)?.changeCall(fd).catch(() => {});
    this.#discard(old);
  }

  /** Tells a ring's driver of errors through another descriptor, -1 for none. */
  changeError(ring: Vring, fd: number): void {
    const old = ring.errorFd;
    ring.errorFd = fd;
    this.#discard(old);
  }

  #discard(fd: number): void {
    if (fd < 0) return;
    this.#signals.forget(fd);
    closeForeign(this.#options.libc, fd);
  }

  /** Makes everybody use the memory as it is now, and unmaps the rest. */
  async memoryChanged(): Promise<void> {
    await Promise.all([
      this.#control.changeMemory(),
      ...[...this.#threads.values()].map((thread) => thread.changeMemory()),
    ]);
    this.memory.unmapRetired();
    const { length } = this.memory.ranges;
    const mebibytes = Math.round(this.memory.totalBytes / 2 ** 20);
    this.#options.log(
      "info",
      `memory mapped: ${length} regions, ${mebibytes} MiB`,
    );
  }

  /**
   * Ends all threads and gives back memory and descriptors, once the message
   * under way is done with, too. A thread that is busy for long is left to
   * finish; what it uses is given back after that.
   */
  async close(underWay: Promise<void> | undefined): Promise<void> {
    this.#ended = true;
    this.#unobserve();
    const stopped = this.#control.stop();
    const threads = [...this.#threads.values()];
    for (const thread of threads) thread.exit();
    this.#options.device.reset();
    for (const index of this.#threads.keys()) {
      this.#options.device.threadEnded(index);
    }
    const exited = Promise
      .all([
        underWay,
        stopped,
        this.#signals.finished(),
        ...threads.map((thread) => thread.exited),
      ])
      .then(() => this.#giveBack());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), CLOSE_MS);
    });
    if (await Promise.race([exited, late]) === "late") {
      this.#options.log("warn", "a queue thread is still busy");
    }
    clearTimeout(timer);
  }

  #giveBack(): void {
    this.#announcements.wipe();
    this.memory.clear();
    this.memory.unmapRetired();
    for (const ring of this.rings) ring.close();
    this.#markFinished();
  }

  #isWanted(ring: Vring): boolean {
    return ring.started && this.#isEnabled(ring) && ring.size > 0 &&
      ring.addresses !== undefined;
  }

  /**
   * With bit 30 a ring waits for SET_VRING_ENABLE, which QEMU's cryptodev
   * negotiates and never sends.
   */
  #isEnabled(ring: Vring): boolean {
    const waits = this.generic &&
      (this.features & F_VHOST_USER_PROTOCOL_FEATURES) !== 0n;
    return ring.enabled ?? !waits;
  }

  #start(ring: Vring): string | undefined {
    const { memory } = this.memory;
    const { descriptor, available, used } = ring.addresses!;
    const descriptorAddress = memory.userToGuest(descriptor);
    const availableAddress = memory.userToGuest(available);
    const usedAddress = memory.userToGuest(used);
    if (
      descriptorAddress === undefined || availableAddress === undefined ||
      usedAddress === undefined
    ) return `ring ${ring.index} is outside the shared memory`;
    const runner = this.#makeRunner(ring);
    if (typeof runner === "string") return runner;
    const accepts = (feature: bigint) => (this.features & feature) !== 0n;
    const packed = this.#packed;
    const base = ring.base(packed);
    this.#forgetLastDriver(ring, base);
    ring.running = true;
    runner.start({
      size: ring.size,
      base,
      descriptorAddress,
      availableAddress,
      usedAddress,
      packed,
      eventIndex: accepts(F_EVENT_IDX),
      inOrder: accepts(F_IN_ORDER),
      mode: this.#options.device.mode,
      kickFd: ring.kickFd,
      callFd: ring.callFd,
    });
    const form = packed ? "packed" : "split";
    this.#options.log(
      "info",
      `queue ${ring.index} started: ${form}, ${ring.size} entries, at ${
        this.#position(base)
      }`,
    );
    return undefined;
  }

  /**
   * A reset of the driver is not announced by every front-end. The ring that
   * sessions come by, or in cryptodev mode a data ring, then starts anew, whereas
   * after a pause it goes on where it stopped. A ring that starts anew while
   * others ran on was reset alone, which leaves the sessions.
   */
  #forgetLastDriver(ring: Vring, base: number): void {
    if (this.generic) {
      if (ring !== this.#controlRing || !this.#restarts) return;
      this.#restarts = false;
    }
    if (ring.stoppedAt === undefined || ring.stoppedAt === base) return;
    this.#options.device.sessions.clear();
  }

  #runner(ring: Vring): RingRunner | undefined {
    return ring === this.#controlRing
      ? this.#control
      : this.#threads.get(ring.index);
  }

  /** The runner of a ring; a data ring's thread lives as long as the guest. */
  #makeRunner(ring: Vring): RingRunner | string {
    const existing = this.#runner(ring);
    if (existing) return existing;
    const { libc, device, spinMicroseconds, failed } = this.#options;
    const thread = QueueThread.start({
      libc,
      settings: device.threadSettings,
      spinMicroseconds,
      memory: this.memory,
      sessions: this.#announcements.putAll(device.sessions.current()),
      broken: (reason) => this.#broken(ring, reason),
      health: (backend, failure) => this.#health(ring, backend, failure),
      failed: (reason) => failed(`queue ${ring.index}: ${reason}`),
    });
    if (typeof thread !== "string") this.#threads.set(ring.index, thread);
    return thread;
  }

  #broken(ring: Vring, reason: string): void {
    this.#signals.send(ring.errorFd);
    if (!this.#ended) this.#options.device.ringBroken();
    this.#options.log("warn", `queue ${ring.index} is broken: ${reason}`);
  }

  #health(ring: Vring, backend: string, failure: string | undefined): void {
    const { log, device } = this.#options;
    if (!this.#ended) device.backendHealth(ring.index, backend, failure);
    const name = `backend ${backend} on queue ${ring.index}`;
    if (failure === undefined) log("info", `${name} works again`);
    else log("warn", `${name} failed: ${failure}`);
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
      `session ${id} created: ${
        describeSession(description)
      } on ${first?.backend}`,
    );
  }

  #closed(id: number): void {
    for (const thread of this.#threads.values()) thread.closed(id);
    this.#options.log("debug", `session ${id} destroyed`);
  }
}
