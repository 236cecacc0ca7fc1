/**
 * A data ring on the thread that serves it.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { signalWithRoom } from "../../../ffi/libc_foreign.ts";
import { DataQueue } from "../../data_queue.ts";
import { DRAIN_MS, undrained } from "../../drain.ts";
import { createVirtqueue } from "../../ring/create_virtqueue.ts";
import type { Virtqueue } from "../../ring/virtqueue.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "../../session/thread_sessions.ts";
import { guestMemoryOf, type MemoryRange } from "./memory_table.ts";
import { locateRing } from "./ring_place.ts";
import type { RingStart } from "./thread_messages.ts";

/** What all rings of a thread share. */
export interface RingContext {
  readonly libc: Libc;
  readonly sessions: ThreadSessions;
  readonly settings: ThreadSettings;
  readonly counters: Float64Array;
  /** Hears why a ring is no longer served. */
  broken(reason: string): void;
}

interface Served {
  readonly virtqueue: Virtqueue;
  readonly queue: DataQueue;
}

/** A ring that has been started. */
export class QueueRing {
  kickFd: number;
  #callFd: number;
  readonly #start: RingStart;
  readonly #context: RingContext;
  #served: Served | undefined;
  #broken = false;
  #base: number;

  constructor(
    start: RingStart,
    ranges: readonly MemoryRange[],
    context: RingContext,
  ) {
    this.#start = start;
    this.#context = context;
    this.kickFd = start.kickFd;
    this.#callFd = start.callFd;
    this.#base = start.base;
    this.#open(ranges);
  }

  /** Where the ring stands, as GET_VRING_BASE reports it. */
  get base(): number {
    return this.#served?.virtqueue.base ?? this.#base;
  }

  /** Whether the ring is served: it is intact, and its memory is there. */
  get alive(): boolean {
    return this.#served !== undefined;
  }

  /** Whether requests wait for a backend. */
  get waits(): boolean {
    return (this.#served?.queue.pendingCount ?? 0) > 0;
  }

  /** Serves what is available; true when there was something to do. */
  burst(): boolean {
    const served = this.#served;
    if (!served) return false;
    const { virtqueue, queue } = served;
    const before = virtqueue.base;
    let notify = queue.service();
    if (queue.pendingCount > 0) notify = queue.poll() || notify;
    if (notify) this.notify();
    if (virtqueue.broken !== undefined) {
      this.#break(virtqueue.broken);
      return false;
    }
    return virtqueue.base !== before || queue.needsPolling;
  }

  /** Asks for kicks; true when something is available already. */
  enableNotifications(): boolean {
    return this.#served?.virtqueue.enableNotifications() ?? false;
  }

  disableNotifications(): void {
    this.#served?.virtqueue.disableNotifications();
  }

  notify(): void {
    if (this.#callFd >= 0) signalWithRoom(this.#context.libc, this.#callFd);
  }

  /** Notifies through `fd` from now on, at once for what may have been missed. */
  changeCall(fd: number): void {
    this.#callFd = fd;
    this.notify();
  }

  /** Goes on in another map of the guest's memory, or waits for a better one. */
  changeMemory(ranges: readonly MemoryRange[]): void {
    this.stop();
    if (!this.#broken) this.#open(ranges);
  }

  /**
   * Lets operations under way end and drops all views of guest memory. Throws
   * where a backend does not end them: only closing it keeps it from writing to
   * memory that is about to go.
   */
  stop(): void {
    if (this.#served) this.#drain(this.#served.queue);
    this.#close();
  }

  #drain(queue: DataQueue): void {
    const deadline = performance.now() + DRAIN_MS;
    while (queue.pendingCount > 0 && performance.now() < deadline) {
      if (queue.poll()) this.notify();
    }
    queue.abandonLanes();
    if (queue.poll()) this.notify();
    if (queue.pendingCount === 0) return;
    throw new Error(`Cannot stop the ring: ${undrained(queue.pendingCount)}`);
  }

  #close(): void {
    this.#base = this.base;
    this.#served = undefined;
  }

  /** Lets the backends finish, which may write to memory until then. */
  #break(reason: string): void {
    this.#broken = true;
    this.stop();
    this.#context.broken(reason);
  }

  #open(ranges: readonly MemoryRange[]): void {
    const memory = guestMemoryOf(ranges);
    if (typeof memory === "string") return this.#break(memory);
    const { mode, addresses, ...options } = this.#start;
    const { size, packed } = options;
    const areas = locateRing(memory, addresses, size, packed);
    if (!areas) return;
    const virtqueue = createVirtqueue({
      ...options,
      ...areas,
      base: this.#base,
      memory,
    });
    if ("error" in virtqueue) return this.#break(virtqueue.error);
    const { sessions, settings, counters } = this.#context;
    const queue = new DataQueue({
      virtqueue,
      memory,
      mode,
      sessions,
      settings,
      counters,
    });
    this.#served = { virtqueue, queue };
  }
}
