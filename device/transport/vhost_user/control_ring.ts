/**
 * The control queue, served on the main thread.
 *
 * @module
 */

import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { EAGAIN, type Libc } from "../../../ffi/libc.ts";
import { clearForeign } from "../../../ffi/libc_foreign.ts";
import type { ControlQueue } from "../../control_queue.ts";
import type { Device } from "../../device.ts";
import { createVirtqueue } from "../../ring/create_virtqueue.ts";
import type { Virtqueue } from "../../ring/virtqueue.ts";
import type { GuestSignals } from "./guest_signals.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import { locateRing } from "./ring_place.ts";
import type { RingRunner, RingStart } from "./ring_runner.ts";

/** What the control ring is made with. */
export interface ControlRingOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly memory: MemoryTable;
  readonly signals: GuestSignals;
  /** Hears why the ring is no longer served. */
  broken(reason: string): void;
  /** Hears of an error that is nobody's but the device's. */
  failed(reason: string): void;
}

/** How often a ring without a kick descriptor is looked at. */
const POLLING_MS = 1;

interface Served {
  readonly virtqueue: Virtqueue;
  readonly queue: ControlQueue;
}

/** Serves the control queue of one front-end. */
export class ControlRing implements RingRunner {
  readonly #options: ControlRingOptions;
  #ring: RingStart | undefined;
  #served: Served | undefined;
  /** Nothing is served before the ring starts anew. */
  #broken = false;
  #base = 0;
  #callFd = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the ring will be served without a kick. */
  #soon = false;

  constructor(options: ControlRingOptions) {
    this.#options = options;
  }

  start(ring: RingStart): void {
    const { reactor } = this.#options;
    this.#ring = ring;
    this.#base = ring.base;
    this.#callFd = ring.callFd;
    this.#broken = false;
    this.#open(ring);
    if (this.#broken) return;
    if (ring.kickFd < 0) this.#lookLater();
    else if (reactor.watch(ring.kickFd, () => this.#kicked(ring.kickFd)) < 0) {
      return this.#break("the kick descriptor cannot be waited for");
    }
    this.#serve();
  }

  async stop(): Promise<number> {
    await this.#drain();
    this.#close();
    this.#ring = undefined;
    return this.#base;
  }

  /** Takes nothing more, and lets what was taken be answered. */
  async #drain(): Promise<void> {
    const served = this.#served;
    if (!served) return;
    this.#served = undefined;
    if (served.queue.pendingCount > 0) await served.queue.drain();
    this.#base = served.virtqueue.base;
  }

  look(): void {
    this.#serveSoon();
  }

  changeCall(fd: number): Promise<void> {
    this.#callFd = fd;
    if (this.#ring) this.#notify();
    return Promise.resolve();
  }

  async changeMemory(): Promise<void> {
    if (!this.#ring || this.#broken) return;
    await this.#drain();
    // It may have stopped meanwhile.
    if (!this.#ring || this.#broken) return;
    this.#open(this.#ring);
    this.#serve();
  }

  /** Serves the ring from now on, if its memory is there. */
  #open({ addresses, ...ring }: RingStart): void {
    const { device } = this.#options;
    const { memory } = this.#options.memory;
    const areas = locateRing(memory, addresses, ring.size, ring.packed);
    if (!areas) return;
    const virtqueue = createVirtqueue({
      ...ring,
      ...areas,
      base: this.#base,
      memory,
    });
    if ("error" in virtqueue) return this.#break(virtqueue.error);
    const queue = device.createControlQueue(virtqueue, memory);
    queue.answered = () => {
      if (queue.publish()) this.#notify();
      this.#serveSoon();
    };
    this.#served = { virtqueue, queue };
  }

  #break(reason: string): void {
    this.#broken = true;
    this.#close();
    this.#options.broken(reason);
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#ring) this.#options.reactor.unwatch(this.#ring.kickFd);
    this.#base = this.#served?.virtqueue.base ?? this.#base;
    this.#served = undefined;
  }

  #kicked(fd: number): void {
    const read = clearForeign(this.#options.libc, fd);
    this.#serveSoon();
    if (read > 0 || read === -EAGAIN) return;
    // Nobody holds the other end: it would be readable for ever.
    this.#options.reactor.unwatch(fd);
    this.#lookLater();
  }

  #serve(): void {
    const served = this.#served;
    if (!served) return;
    const { virtqueue, queue } = served;
    try {
      if (queue.service()) this.#notify();
    } catch (error) {
      this.#broken = true;
      this.#close();
      const reason = error instanceof Error ? error.message : String(error);
      return this.#options.failed(reason);
    }
    if (queue.broken !== undefined) this.#break(queue.broken);
    else if (!queue.isFull && virtqueue.enableNotifications()) {
      this.#serveSoon();
    }
  }

  /** A guest that never stops, however often it kicks, does not stop others. */
  #serveSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      this.#serve();
    });
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#serve();
      if (!this.#broken) this.#lookLater();
    }, POLLING_MS);
  }

  #notify(): void {
    this.#options.signals.send(this.#callFd);
  }
}
