/**
 * What the main thread and a queue thread tell each other; all of it is
 * structured-cloneable.
 *
 * Commands lie in a message port. The main thread adds 1 to a shared counter
 * after each, and signals an eventfd: a thread that runs notices the counter, one
 * that waits the eventfd. In this order: whoever sees the count finds the message,
 * and whoever sees the eventfd sees the count ("Memory order" in
 * docs/architecture.md).
 *
 * @module
 */

import type { ChannelEnd } from "../../lane/channel.ts";
import type { VirtqueueOptions } from "../../ring/virtqueue.ts";
import type { AnnouncementPlace } from "../../session/announcement_memory.ts";
import type { Failure } from "../../session/failure.ts";
import type { ThreadSettings } from "../../session/thread_sessions.ts";
import type { WireMode } from "../../wire/mode.ts";
import type { MemoryRange } from "./memory_table.ts";
import type { RingAddresses } from "./payloads.ts";
import type { AreaAddresses } from "./ring_place.ts";

/** Everything but the memory that a ring needs to run. */
export interface RingStart
  extends Omit<VirtqueueOptions, "memory" | keyof AreaAddresses> {
  /** Of the front-end; where that is in the guest, the memory tells. */
  readonly addresses: RingAddresses;
  readonly mode: WireMode;
  /** -1: the ring is looked at from time to time. */
  readonly kickFd: number;
  /** -1: nobody wants to be notified. */
  readonly callFd: number;
}

/** Indices of the counters of commands. */
export const COMMANDS_SENT = 0;
export const COMMANDS_TAKEN = 1;
/** Bytes of the counters of commands. */
export const COMMAND_COUNTER_BYTES = 8;

/** Given to a queue thread when it starts. */
export interface ThreadSetup {
  readonly port: MessagePort;
  /** Two 32-bit counters: commands sent, and commands taken. */
  readonly generation: SharedArrayBuffer;
  /**
   * The data queue's counters. Only the thread writes them, in plain stores that
   * both processors make whole; who reads them meanwhile learns a figure for a
   * log, and nothing else follows from it.
   */
  readonly counters: SharedArrayBuffer;
  readonly wakeFd: number;
  readonly spinMicroseconds: number;
  readonly settings: ThreadSettings;
  /** The lanes that backends of `settings` are on. */
  readonly lanes: readonly LaneSetup[];
  /** Number of the guest among all of the process. */
  readonly guest: number;
}

/** The lane of a backend, with the memory of its watch. */
export interface LaneSetup {
  readonly backend: string;
  readonly memory: SharedArrayBuffer;
}

/** Commands that a thread answers once it has carried them out. */
export type RingCommand =
  | {
    readonly kind: "start";
    readonly ring: RingStart;
    readonly ranges: readonly MemoryRange[];
  }
  | { readonly kind: "stop" }
  | { readonly kind: "memory"; readonly ranges: readonly MemoryRange[] }
  | { readonly kind: "call"; readonly fd: number };

/** Commands of the main thread. */
export type Command =
  | { readonly kind: "opened"; readonly place: AnnouncementPlace }
  | { readonly kind: "closed"; readonly id: number }
  /** Sessions whose key the store no longer has are to end. */
  | { readonly kind: "keys" }
  /** Nothing to carry out: a thread that takes commands looks at its ring. */
  | { readonly kind: "look" }
  | { readonly kind: "exit" }
  | RingCommand & { readonly sequence: number };

/** Reports of a queue thread. */
export type Report =
  | {
    readonly kind: "done";
    readonly sequence: number;
    /** Where the ring stands. */
    readonly base: number;
  }
  | { readonly kind: "broken"; readonly reason: string }
  | {
    readonly kind: "health";
    readonly backend: string;
    /** Why the backend stopped working; undefined: it works again. */
    readonly failure: string | undefined;
  }
  /** The thread uses the lane of a backend from now on: its end of the channel. */
  | {
    readonly kind: "lane";
    readonly backend: string;
    readonly end: ChannelEnd;
  }
  /** A request or a session failed. */
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "exited" };
