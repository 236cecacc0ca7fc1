/**
 * A guest's place on a queue thread, as the main thread knows it: the thread
 * hears of the guest's sessions and memory only where the guest has a ring.
 *
 * @module
 */

import { Counter } from "../../queue_counts.ts";
import type { LeftChain } from "../../left_chains.ts";
import type { ThrottleState } from "../../throttle.ts";
import type { QueueCounters } from "./guest_usage.ts";
import type { MemoryRange } from "./memory_table.ts";
import { type QueueThread, STUCK, type ThreadGuest } from "./queue_thread.ts";
import type {
  GuestCommand,
  GuestStart,
  SharedMemory,
} from "./thread_messages.ts";
import type { RingRunner, RingStart } from "./ring_runner.ts";

/** What a thread counts when it takes notice of it. */
export type Announcement = Extract<
  GuestCommand,
  { kind: "opened" | "closed" | "association" | "association removed" }
>;

/** What a guest brings to a thread. */
export interface SeatOptions {
  readonly guest: ThreadGuest;
  /** What the thread is told of it. */
  readonly start: Omit<GuestStart, "taken">;
}

/** One guest on one thread. */
export class ThreadSeat {
  readonly thread: QueueThread;
  readonly #guest: number;
  readonly #rings = new Map<number, SeatedRing>();
  #announcements = 0;
  readonly #taken = new Int32Array(new SharedArrayBuffer(4));

  constructor(thread: QueueThread, options: SeatOptions) {
    const { guest, start } = options;
    this.thread = thread;
    this.#guest = thread.add(guest);
    const taken = this.#taken.buffer;
    thread.tell(this.#guest, {
      kind: "join",
      start: { ...start, taken },
    });
  }

  /** Rings of the guest that are there. */
  get ringCount(): number {
    return this.#rings.size;
  }

  /** Announcements that the thread, busy with requests, has not taken yet. */
  get waitingAnnouncements(): number {
    return (this.#announcements - Atomics.load(this.#taken, 0)) | 0;
  }

  /** Gives the thread one more ring of the guest to serve, and to count. */
  addRing(index: number, counters: QueueCounters): SeatedRing {
    const ring = new SeatedRing(this.thread, this.#guest, index, counters);
    this.#rings.set(index, ring);
    this.thread.rings++;
    return ring;
  }

  /** Announces a session or an association, or takes one back. */
  announce(announcement: Announcement): void {
    this.#announcements++;
    this.thread.tell(this.#guest, announcement);
  }

  /** Gives its rings other rates, or none. */
  changeThrottle(throttle: ThrottleState | undefined): void {
    this.thread.tell(this.#guest, { kind: "throttle", throttle });
  }

  /** Tells that keys of the store may be gone. */
  keysChanged(): void {
    this.thread.tell(this.#guest, { kind: "keys" });
  }

  /** Settled when no ring uses other memory. */
  async changeMemory(memory: SharedMemory): Promise<void> {
    await this.thread.ask(this.#guest, { kind: "memory", memory });
  }

  /** Settled when the thread knows of memory that was added. */
  async growMemory(range: MemoryRange): Promise<void> {
    await this.thread.ask(this.#guest, { kind: "grow", range });
  }

  /** Settled when the thread touches nothing of the guest any more. */
  async leave(): Promise<void> {
    // A thread that has ended touches nothing either.
    await this.thread.ask(this.#guest, { kind: "leave" }).catch(() => {});
    this.thread.remove(this.#guest);
    this.thread.rings -= this.#rings.size;
    this.#rings.clear();
  }
}

/** A data ring that a queue thread serves. */
export class SeatedRing implements RingRunner {
  /** The data queue's counters, which the thread writes. */
  readonly counters: QueueCounters;
  readonly thread: QueueThread;
  readonly #guest: number;
  readonly #index: number;

  constructor(
    thread: QueueThread,
    guest: number,
    index: number,
    counters: QueueCounters,
  ) {
    this.thread = thread;
    this.#guest = guest;
    this.#index = index;
    this.counters = counters;
  }

  start(ring: RingStart): void {
    this.counters[Counter.Base] = ring.base;
    this.thread.tell(this.#guest, {
      kind: "start",
      index: this.#index,
      ring: { ...ring, counters: this.counters.buffer },
    });
  }

  async stop(): Promise<number> {
    const index = this.#index;
    const base = await this.thread.ask(this.#guest, { kind: "stop", index });
    return base === STUCK ? this.base : base;
  }

  get isStuck(): boolean {
    return this.thread.isStuck;
  }

  /** Where the ring stands, as far as the thread has taken anything. */
  get base(): number {
    return this.counters[Counter.Base]!;
  }

  look(): void {
    this.thread.tell(this.#guest, { kind: "look", index: this.#index });
  }

  failLeft(chains: readonly LeftChain[]): void {
    const index = this.#index;
    this.thread.tell(this.#guest, { kind: "fail left", index, chains });
  }

  async changeCall(fd: number): Promise<void> {
    const index = this.#index;
    await this.thread.ask(this.#guest, { kind: "call", index, fd });
  }
}
