/**
 * The queue threads of a process, which serve the data rings of all guests.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import type { LaneHost } from "../../lane/lane_host.ts";
import type { FailureListener } from "../../session/failure.ts";
import type { ThreadSettings } from "../../session/thread_sessions.ts";
import { WATCHDOG_MS } from "../../../backends/call_watch.ts";
import type { StuckCall } from "../../session/call_guard.ts";
import { QueueThread } from "./queue_thread.ts";

/** How long threads may take to end: a ring that stops has `DRAIN_MS`. */
const CLOSE_MS = 3000;

/** How rings are served. */
export interface QueueThreadsOptions {
  readonly libc: Libc;
  /** Where what takes long goes. */
  readonly lanes: LaneHost;
  /** How many threads there are once a ring has started. */
  readonly count: number;
  /** How long a thread looks for more before it sleeps. */
  readonly spinMicroseconds: number;
  /** Hears what fails on lanes and they cannot say themselves, and calls that do not return. */
  readonly laneFailed: FailureListener;
  /** How long a call of a backend may take; absent: ten seconds. */
  readonly callLimitMs?: number;
}

/** Threads that start with the first ring. */
export class QueueThreads {
  readonly #options: QueueThreadsOptions;
  readonly #threads = new Set<QueueThread>();
  /** Those that are stuck in a call, of which backend. */
  readonly #stuck = new Map<QueueThread, string>();
  /** Backends that such a call is of, and what is told of it. */
  readonly #held = new Map<string, string>();
  #watching: ReturnType<typeof setInterval> | undefined;
  /** Those that devices have, each once; threads know them by number. */
  readonly #settings: ThreadSettings[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<ThreadSettings, number>();
  /** Waits for the last thread to end. */
  #closed: (() => void) | undefined;
  readonly #drained = new Set<string>();
  #nextNumber = 0;
  #lost = 0;

  constructor(options: QueueThreadsOptions) {
    this.#options = options;
  }

  /** Keeps new sessions of all guests away from a backend, or no longer. */
  drain(backend: string, isDrained: boolean): void {
    if (isDrained) this.#drained.add(backend);
    else this.#drained.delete(backend);
    for (const thread of this.#threads) thread.drain(backend, isDrained);
  }

  /**
   * Has all threads let their runtimes do what waits for them: the runtime's
   * exporter of metrics waits for each thread.
   */
  pause(): void {
    for (const thread of this.#threads) thread.pause();
  }

  /** Threads that run. */
  get all(): Iterable<QueueThread> {
    return this.#threads;
  }

  /** How many threads have ended by themselves. */
  get lost(): number {
    return this.#lost;
  }

  /** A number for a guest that no other of the process has. */
  newGuest(): number {
    return this.#options.lanes.newGuest();
  }

  /**
   * The number of a device's settings, but for keys. Backends of those that are known before
   * the first ring starts are loaded when the threads start.
   */
  numberOf(settings: ThreadSettings): number {
    const known = this.#known.get(settings);
    if (known !== undefined) return known;
    // Keys are the guest's own.
    const { keys: _, ...common } = settings;
    const key = JSON.stringify(common);
    const number = this.#numbers.get(key) ?? this.#add(key, common);
    this.#known.set(settings, number);
    return number;
  }

  #add(key: string, settings: ThreadSettings): number {
    const number = this.#settings.push(settings) - 1;
    this.#numbers.set(key, number);
    for (const thread of this.#threads) thread.addSettings(number);
    return number;
  }

  /**
   * The thread for one more ring: that with the fewest rings, and of such that
   * with the fewest of the same guest, which `own` counts. A string says why
   * there is none.
   */
  leastLoaded(own: (thread: QueueThread) => number): QueueThread | string {
    const problem = this.#startAll();
    let best: QueueThread | undefined;
    for (const thread of this.#threads) {
      if (
        best === undefined || thread.rings < best.rings ||
        (thread.rings === best.rings && own(thread) < own(best))
      ) best = thread;
    }
    return best ?? problem ?? "there is no queue thread";
  }

  /** Starts those that are missing; returns why one could not be. */
  #startAll(): string | undefined {
    while (this.#threads.size < this.#options.count) {
      const thread = this.#start();
      if (typeof thread === "string") return thread;
    }
    return undefined;
  }

  #start(): QueueThread | string {
    const thread = QueueThread.start({
      ...this.#options,
      number: this.#nextNumber,
      held: this.#held,
      settings: this.#settings,
      drained: this.#drained,
      ended: (reason) => {
        if (reason !== undefined) this.#lost++;
        this.#ended(thread as QueueThread);
      },
    });
    if (typeof thread === "string") return thread;
    this.#nextNumber++;
    this.#threads.add(thread);
    this.#watching ??= setInterval(() => this.#look(), this.#limitMs / 5);
    return thread;
  }

  get #limitMs(): number {
    return this.#options.callLimitMs ?? WATCHDOG_MS;
  }

  /** Looks for threads that are stuck in a call, and for those that no longer are. */
  #look(): void {
    for (const thread of [...this.#threads]) {
      const stuck = thread.giveUp(performance.now(), this.#limitMs);
      if (stuck) this.#leave(thread, stuck);
    }
    for (const [thread, backend] of [...this.#stuck]) {
      if (!thread.release()) continue;
      this.#stuck.delete(thread);
      if ([...this.#stuck.values()].includes(backend)) continue;
      this.#held.delete(backend);
      for (const other of this.#threads) other.hold(backend, undefined);
    }
    this.#stopLooking();
  }

  #stopLooking(): void {
    if (this.#threads.size > 0 || this.#stuck.size > 0) return;
    clearInterval(this.#watching);
    this.#watching = undefined;
  }

  /** Its guests go on elsewhere, but for what it has taken. */
  #leave(thread: QueueThread, { backend, method }: StuckCall): void {
    const reason = `${method} has not returned for ${
      this.#limitMs / 1000
    } seconds`;
    this.#threads.delete(thread);
    this.#stuck.set(thread, backend);
    this.#held.set(backend, reason);
    for (const other of this.#threads) other.hold(backend, reason);
    this.#options.laneFailed({
      of: "backend",
      backend,
      reason: `${reason}; queue thread ${thread.number} is left to it, with ` +
        "the requests that it has taken",
    });
    thread.tellStuck();
  }

  /** One that ends by itself is replaced when a ring needs it. */
  #ended(thread: QueueThread): void {
    this.#threads.delete(thread);
    this.#stopLooking();
    if (this.#threads.size === 0) this.#closed?.();
  }

  /**
   * Ends all threads; no guest may have rings any more. One that a backend holds
   * up for long is left.
   */
  async close(withinMs = CLOSE_MS): Promise<void> {
    this.#stuck.clear();
    this.#stopLooking();
    if (this.#threads.size === 0) return;
    const closed = new Promise<void>((resolve) => this.#closed = resolve);
    const timer = setTimeout(() => this.#closed!(), withinMs);
    for (const thread of this.#threads) thread.exit();
    await closed;
    clearTimeout(timer);
  }
}
