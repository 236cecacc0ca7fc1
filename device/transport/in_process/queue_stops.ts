/**
 * Queues that stop. A queue is gone when no backend works on its memory any more:
 * a driver that got it back earlier could not tell who writes there.
 *
 * @module
 */

import { DRAIN_MS, undrained } from "../../drain.ts";
import type { ServedQueue } from "../../served_queue.ts";

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
  stop(index: number, queue: ServedQueue | undefined): Promise<void> {
    queue?.stop();
    if (queue && queue.pendingCount > 0) {
      const drained = this.#drain(index, queue)
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

  async #drain(index: number, queue: ServedQueue): Promise<void> {
    const late = (pendingCount: number) =>
      this.#late(undrained(pendingCount, ` of queue ${index}`));
    while (!this.#ended) {
      queue.drain(late);
      if (queue.pendingCount === 0) return;
      const pauseMs = queue.isLate ? LATE_POLL_MS : 0;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
