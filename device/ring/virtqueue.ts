/**
 * The device's side of a virtqueue, whatever its format.
 *
 * @module
 */

import type { ChainSlots } from "./chain_slots.ts";
import type { Region } from "../../memory/region.ts";
import type { UsedJournal } from "./used_journal.ts";
import type { GuestMemory } from "./guest_memory.ts";
import type { RingAreas } from "./layout.ts";
import type { RingArea } from "./ring_area.ts";

/** What `pop` gives when there is no chain. */
export const NO_CHAIN = -1;

/** Most chains of one call of `take`. */
export const MOST_CHAINS = 64;

/**
 * A virtqueue that a device serves. A service disables notifications, pops and
 * pushes until `pop` is false, publishes, and before it waits enables
 * notifications: while that is true there is more to pop.
 */
export interface Virtqueue {
  readonly size: number;
  /** Why the ring can no longer be trusted; nothing is popped from then on. */
  readonly broken: string | undefined;
  /**
   * The position to resume from, as vhost-user's GET_VRING_BASE reports it.
   * Split: the next available index. Packed: the next available position with
   * its wrap counter in bit 15, the next used one likewise in the upper half.
   */
  readonly base: number;
  readonly isPacked: boolean;
  /**
   * Where the first request is that the driver has not been shown, as the lower
   * half of `base`; of a ring whose completions are in order, after `publish`.
   */
  readonly shown: number;
  /**
   * Where the next used entry goes. Split: its free-running index. Packed: its
   * place in the ring, with the wrap counter in bit 15.
   */
  readonly usedPosition: number;
  /** The chains that are out. */
  readonly slots: ChainSlots;
  /** The regions that their ranges number. */
  readonly regions: readonly Region[];
  /**
   * Takes chains into slots, whose numbers it puts into `into`: at most `most`,
   * which it has room for, and none once `mostBytes` are to be read. Returns how
   * many, and 0 where the ring is broken. They stay there until the next call.
   */
  take(into: Int32Array<ArrayBuffer>, most: number, mostBytes: number): number;
  /**
   * Takes the next chain into a slot and returns that; {@linkcode NO_CHAIN} when
   * there is none or the ring is broken.
   */
  pop(): number;
  /**
   * Stages used entries for the first `count` of `slots`, which are free after
   * that; `writtenBytes` has a length for each.
   */
  give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void;
  /** The same for one. */
  push(slot: number, writtenBytes: number): void;
  /**
   * Stages a used entry for a chain that another virtqueue of this ring has taken
   * and will not push, by its head or buffer ID. Not of a ring in order.
   */
  pushLeft(head: number, ringDescriptors: number, writtenBytes: number): void;
  /** Shows the driver all staged entries; true when it wants a notification. */
  publish(): boolean;
  /** Asks for notifications; true when something is available already. */
  enableNotifications(): boolean;
  /** Tells the driver that it need not notify. */
  disableNotifications(): void;
}

/** Where a ring is. */
export interface RingPlace extends RingAreas {
  /** Where writes to a split ring's used ring are logged, if not at its address. */
  readonly usedLogAddress?: number | undefined;
}

/** Where a ring is and how it was negotiated. */
export interface VirtqueueOptions extends RingPlace {
  readonly memory: GuestMemory;
  readonly size: number;
  /** Where to start, in the form of {@linkcode Virtqueue.base}. */
  readonly base: number;
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  /** Of a packed ring that is kept: what is written down there is shown first. */
  readonly journal?: UsedJournal | undefined;
  /**
   * Where the requests under way are written down, of which another process may
   * have left some; absent: nowhere.
   */
  readonly inflight?: Uint8Array<ArrayBuffer> | undefined;
  /** Whether what was left there is taken again; default: it is. */
  readonly takesAgain?: boolean | undefined;
  /** The most that a service writes to one chain, before its last byte. */
  readonly mostWrittenBytes?: number | undefined;
}

/** A ring whose areas have been found in memory. */
export interface RingSetup extends VirtqueueOptions {
  readonly descriptor: RingArea;
  readonly driver: RingArea;
  readonly device: RingArea;
}
