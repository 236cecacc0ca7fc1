/**
 * A queue that is served, from its start to its stop, whichever transport it has:
 * it opens where its ring is in memory, breaks, goes on in other memory, and
 * stops between two requests.
 *
 * @module
 */

import { DRAIN_MS } from "./drain.ts";
import { failLeft, type LeftChain, leftChains } from "./left_chains.ts";
import type { QueueService } from "./queue_service.ts";
import { createVirtqueue } from "./ring/create_virtqueue.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";
import type {
  RingPlace,
  Virtqueue,
  VirtqueueOptions,
} from "./ring/virtqueue.ts";

/** How a ring was negotiated, and where it begins. */
export type RingForm = Omit<VirtqueueOptions, "memory" | keyof RingPlace>;

/** What a queue is served with. */
export interface ServedQueueOptions<Service extends QueueService> {
  readonly form: RingForm;
  /** Where the ring is in a guest's memory; undefined while it is not there. */
  locate(memory: GuestMemory): RingPlace | undefined;
  /** Makes what serves the ring. */
  create(virtqueue: Virtqueue, memory: GuestMemory): Service;
}

/** One queue. */
export class ServedQueue<Service extends QueueService = QueueService> {
  readonly #options: ServedQueueOptions<Service>;
  #virtqueue: Virtqueue | undefined;
  #memory: GuestMemory | undefined;
  #service: Service | undefined;
  #broken: string | undefined;
  #base: number;
  /** When what is under way must have ended; only while it stops. */
  #deadline: number | undefined;

  constructor(options: ServedQueueOptions<Service>) {
    this.#options = options;
    this.#base = options.form.base;
  }

  /** Where the ring stands, as GET_VRING_BASE reports it. */
  get base(): number {
    return this.#virtqueue?.base ?? this.#base;
  }

  /** Why it is served no more. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Whether it is served: it is intact, its memory is there, it does not stop. */
  get isServed(): boolean {
    return this.#service !== undefined && this.#deadline === undefined;
  }

  /** Whether it comes to its end. */
  get isStopping(): boolean {
    return this.#deadline !== undefined;
  }

  /** Requests that have been taken and not answered. */
  get pendingCount(): number {
    return this.#service?.pendingCount ?? 0;
  }

  /** Whether any of them ends only by being polled for. */
  get needsPolling(): boolean {
    return this.#service?.needsPolling ?? false;
  }

  /** In how many milliseconds it takes more of what is available; -1: now. */
  get waitMs(): number {
    return this.isServed ? this.#service!.waitMs : -1;
  }

  /** Serves the ring from now on, if it is in `memory`, or breaks. */
  open(memory: GuestMemory): void {
    const { form } = this.#options;
    const place = this.#options.locate(memory);
    if (!place) return;
    const virtqueue = createVirtqueue({
      ...form,
      ...place,
      base: this.#base,
      memory,
    });
    if ("error" in virtqueue) {
      this.#broken = virtqueue.error;
      return;
    }
    this.#virtqueue = virtqueue;
    this.#memory = memory;
    this.#service = this.#options.create(virtqueue, memory);
  }

  /**
   * Takes what is available, up to a bound, and answers what has ended; true:
   * notify the driver. One that is found broken stops. The bounds are those of
   * `QueueService`.
   */
  serve(mostBursts?: number, mostOfFirst?: number): boolean {
    const service = this.#service;
    if (!service || this.#deadline !== undefined) return false;
    let notify = service.service(mostBursts, mostOfFirst);
    if (service.pendingCount > 0) notify = service.poll() || notify;
    if (service.broken !== undefined) {
      this.#broken = service.broken;
      this.stop();
    }
    return notify;
  }

  /** Answers what has ended, and takes nothing; true: notify the driver. */
  poll(): boolean {
    return this.#service?.poll() ?? false;
  }

  /**
   * Asks for notifications; true when something is available already. Not while
   * the service takes nothing more.
   */
  enableNotifications(): boolean {
    if (this.#service?.isFull) return false;
    return this.#virtqueue?.enableNotifications() ?? false;
  }

  /** Tells the driver that it need not notify. */
  disableNotifications(): void {
    this.#virtqueue?.disableNotifications();
  }

  /** What has been taken and not answered, for whoever answers in its place. */
  get left(): LeftChain[] {
    return this.#virtqueue ? leftChains(this.#virtqueue, this.#memory!) : [];
  }

  /** Fails what another thread had of the ring; true: notify the driver. */
  failLeft(chains: readonly LeftChain[]): boolean {
    return this.#virtqueue !== undefined &&
      failLeft(this.#virtqueue, this.#memory!, chains);
  }

  /** Takes nothing more from now on; what is pending ends by `poll`. */
  stop(): void {
    this.#deadline ??= performance.now() + DRAIN_MS;
  }

  /** Whether what is pending takes longer than it may; only while it stops. */
  get isLate(): boolean {
    return this.pendingCount > 0 && performance.now() >= this.#deadline!;
  }

  /**
   * `poll`, which also gives up what is late: on lanes, where copies are nobody's;
   * for the rest, `late` is to do something, and hears how much it is.
   */
  drain(late: (pendingCount: number) => void): boolean {
    let notify = this.pendingCount > 0 && this.poll();
    if (!this.isLate) return notify;
    this.abandonLanes();
    notify = this.poll() || notify;
    if (this.pendingCount === 0) return notify;
    late(this.pendingCount);
    return this.poll() || notify;
  }

  /** Gives up what is pending on lanes: `poll` then ends it. */
  abandonLanes(): void {
    this.#service?.abandonLanes();
  }

  /** Closes backends that do not end what is pending: `poll` then ends it. */
  abandon(reason: string): void {
    this.#service?.abandon(reason);
  }

  /** Drops all views of guest memory; nothing may be pending. */
  close(): void {
    this.#base = this.base;
    this.#virtqueue = undefined;
    this.#memory = undefined;
    this.#service = undefined;
    this.#deadline = undefined;
  }
}
