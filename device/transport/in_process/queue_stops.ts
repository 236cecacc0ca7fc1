/**
 * Queues that stop. A queue is gone when no backend works on its memory any more:
 * a driver that got it back earlier could not tell who writes there.
 *
 * @module
 */

import type { ControlQueue } from "../../control_queue.ts";
import { DataQueue } from "../../data_queue.ts";
import { DRAIN_MS, undrained } from "../../drain.ts";

/** How often a backend is asked that takes longer than that. */
const LATE_POLL_MS = 20;

/** Waits for the operations of queues that stop. */
export class QueueStops {
  readonly #stopping = new Map<number, Promise<void>>();
  readonly #late: (reason: string) => void;
  #ended = false;

  /** `late` hears what takes longer than it should, again and again. */
  constructor(late: (reason: string) => void) {
    this.#late = late;
  }

  /** Whether queue `index` has not stopped yet. */
  has(index: number): boolean {
    return this.#stopping.has(index);
  }

  /** Lets the operations of a queue end, which is served no more. */
  stop(
    index: number,
    service: ControlQueue | DataQueue | undefined,
  ): Promise<void> {
    if (service && service.pendingCount > 0) {
      const draining = service instanceof DataQueue
        ? this.#drain(index, service)
        : service.drain();
      const drained = draining
        .finally(() => this.#stopping.delete(index));
      this.#stopping.set(index, drained);
    }
    return this.#stopping.get(index) ?? Promise.resolve();
  }

  /** Settled when all have stopped. */
  async all(): Promise<void> {
    await Promise.all(this.#stopping.values());
  }

  /** The same, but not longer than a while. */
  async allSoon(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_MS);
    });
    await Promise.race([this.all(), late]);
    clearTimeout(timer);
  }

  /** Ends all waiting: the backends are closed and write no more. */
  end(): Promise<void> {
    this.#ended = true;
    return this.all();
  }

  async #drain(index: number, queue: DataQueue): Promise<void> {
    const deadline = performance.now() + DRAIN_MS;
    while (!this.#ended) {
      queue.poll();
      const { pendingCount } = queue;
      if (pendingCount === 0) return;
      const isLate = performance.now() >= deadline;
      if (isLate) {
        queue.abandonLanes();
        if (!queue.needsPolling) continue;
        this.#late(undrained(pendingCount, ` of queue ${index}`));
      }
      const pauseMs = isLate ? LATE_POLL_MS : 0;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
