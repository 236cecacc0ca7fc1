/**
 * How requests of one layout are taken from their chains and answered.
 *
 * @module
 */

import type { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import type { RequestSlots } from "./request_slots.ts";
import type { Status } from "./wire/status.ts";

/** One layout's way from a chain to a request of the burst and back. */
export interface RequestFormat {
  readonly requests: RequestSlots;
  /**
   * Reads the request of the slot's chain, finds its session and fills the slot.
   * Any status but Ok is the request's outcome.
   */
  prepare(slot: number): Status;
  /** Looks what of its own inputs the request overwrites that was prepared last. */
  findOverwritten(slot: number, into: OverwrittenRanges): void;
  /**
   * Writes the outcome where the layout has it and returns the used length: the
   * bytes written, no more and no less (CVE-2024-8612).
   */
  finish(slot: number, status: Status): number;
  /** Lets go of the lists of the chain that was looked at last. */
  releaseLists(): void;
}
