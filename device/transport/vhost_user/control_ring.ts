/**
 * The control queue and the administration queue, served on the main thread.
 *
 * @module
 */

import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { EAGAIN, type Libc } from "../../../ffi/libc.ts";
import { clearForeign } from "../../../ffi/libc_foreign.ts";
import type { AdminQueue } from "../../admin_queue.ts";
import type { ControlQueue } from "../../control_queue.ts";
import { DRAIN_MS } from "../../drain.ts";
import { RedoneRequests } from "../../redone_requests.ts";
import type { GuestMemory } from "../../ring/guest_memory.ts";
import type { Virtqueue } from "../../ring/virtqueue.ts";
import { ServedQueue } from "../../served_queue.ts";
import { reasonOf } from "../../session/failure.ts";
import type { GuestSignals } from "./guest_signals.ts";
import type { RequestNumbers } from "../../state/request_numbers.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import { inflightAt } from "./inflight_memory.ts";
import { openJournal } from "./journal_place.ts";
import { locateRing } from "./ring_place.ts";
import type { RingRunner, RingStart } from "./ring_runner.ts";

/** What the control ring is made with. */
export interface ControlRingOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly memory: MemoryTable;
  readonly signals: GuestSignals;
  /** Numbers what is asked where the guest is kept; absent: it is not. */
  readonly numbers?: RequestNumbers | undefined;
  /**
   * Makes what serves the ring; `answered` hears what it answers later, `redone` are
   * requests that another process may have begun.
   */
  create(
    virtqueue: Virtqueue,
    memory: GuestMemory,
    answered: () => void,
    redone: RedoneRequests | undefined,
  ): ControlQueue | AdminQueue;
  /** Hears why the ring is no longer served. */
  broken(reason: string): void;
  /** Hears of an error that is nobody's but the device's. */
  failed(reason: string): void;
}

/** More than any request of the control queue is answered by. */
const MOST_WRITTEN_BYTES = 4096;
/** How often a ring without a kick descriptor is looked at. */
const POLLING_MS = 1;

/** Serves one of the two of one front-end. */
export class ControlRing implements RingRunner {
  readonly isStuck = false;
  readonly #options: ControlRingOptions;
  #ring: RingStart | undefined;
  #queue: ServedQueue | undefined;
  #service: ControlQueue | AdminQueue | undefined;
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
    this.#callFd = ring.callFd;
    const { addresses, kickFd } = ring;
    const { redo, journal: place, inflight: tracked, size, packed, base } =
      ring;
    const { eventIndex, inOrder } = ring;
    const form = { size, packed, base, eventIndex, inOrder };
    const { numbers } = this.#options;
    if (redo > 0) numbers?.resume(ring.base & 0xffff);
    else numbers?.begin(ring.base & 0xffff);
    const journal = place && openJournal(place);
    const redone = journal && new RedoneRequests(redo, journal);
    this.#queue = new ServedQueue({
      form: {
        ...form,
        journal: form.packed ? journal : undefined,
        inflight: tracked && inflightAt(tracked),
        mostWrittenBytes: MOST_WRITTEN_BYTES,
      },
      locate: (memory) => locateRing(memory, addresses, form.size, form.packed),
      create: (virtqueue, memory) => this.#create(virtqueue, memory, redone),
    });
    if (kickFd < 0) this.#lookLater();
    else if (reactor.watch(kickFd, () => this.#kicked(kickFd)) < 0) {
      return this.#break("the kick descriptor cannot be waited for");
    }
    this.#open();
  }

  async stop(): Promise<number> {
    await this.#drain();
    this.#close();
    this.#ring = undefined;
    return this.#base;
  }

  /** Takes nothing more, and lets what was taken be answered. */
  async #drain(): Promise<void> {
    const queue = this.#queue;
    if (!queue) return;
    queue.stop();
    if (queue.pendingCount > 0) {
      const timer = setTimeout(() => queue.abandonLanes(), DRAIN_MS);
      if ("drain" in this.#service!) await this.#service.drain();
      clearTimeout(timer);
    }
    queue.close();
  }

  look(): void {
    this.#serveSoon();
  }

  changeCall(fd: number): Promise<void> {
    this.#callFd = fd;
    if (this.#ring) this.#notify();
    return Promise.resolve();
  }

  /** Goes on in the memory as it is now; the old one is free afterwards. */
  async changeMemory(): Promise<void> {
    await this.#drain();
    this.#open();
  }

  #create(
    virtqueue: Virtqueue,
    memory: GuestMemory,
    redone: RedoneRequests | undefined,
  ): ControlQueue | AdminQueue {
    const answered = () => {
      if (service.poll()) this.#notify();
      this.#serveSoon();
    };
    const service = this.#options.create(virtqueue, memory, answered, redone);
    this.#service = service;
    return service;
  }

  /** Memory was added: a ring that waited for it may go on. */
  growMemory(): void {
    if (!this.#queue?.isServed) this.#open();
  }

  /** Serves the ring from now on, if its memory is there. */
  #open(): void {
    const queue = this.#queue;
    if (!queue) return;
    queue.open(this.#options.memory.memory);
    if (queue.broken !== undefined) this.#break(queue.broken);
    else this.#serve();
  }

  #break(reason: string): void {
    this.#close();
    this.#options.broken(reason);
  }

  /** Nothing is served before the ring starts anew. */
  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#ring) this.#options.reactor.unwatch(this.#ring.kickFd);
    if (this.#queue) this.#base = this.#queue.base;
    this.#queue = undefined;
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
    const queue = this.#queue;
    if (!queue?.isServed) return;
    try {
      if (queue.serve()) this.#notify();
    } catch (error) {
      this.#close();
      return this.#options.failed(reasonOf(error));
    }
    if (queue.broken !== undefined) this.#break(queue.broken);
    else if (queue.enableNotifications()) this.#serveSoon();
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
      if (this.#queue) this.#lookLater();
    }, POLLING_MS);
  }

  #notify(): void {
    this.#options.signals.send(this.#callFd);
  }
}
