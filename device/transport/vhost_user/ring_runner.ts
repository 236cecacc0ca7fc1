/**
 * What serves a ring: a queue thread, or the main thread for the control queue.
 *
 * @module
 */

import type { RingStart } from "./thread_messages.ts";

export type { RingStart };

/** Serves at most one ring at a time. */
export interface RingRunner {
  /** Begins to serve a ring. */
  start(ring: RingStart): void;
  /** Ends that and returns where the ring stands. */
  stop(): Promise<number>;
  /** Whether its thread is stuck in a call, perhaps with requests of the ring. */
  readonly isStuck: boolean;
  /** Looks for what is available, as after a kick. */
  look(): void;
  /** Notifies through another descriptor; the old one is free afterwards. */
  changeCall(fd: number): Promise<void>;
}
