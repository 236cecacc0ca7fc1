/**
 * How requests of one layout are taken from their chains and answered.
 *
 * @module
 */

import type { RequestSlot } from "./request_slot.ts";
import type { Status } from "./wire/status.ts";

/** One layout's way from a chain to an operation and back. */
export interface RequestFormat {
  /**
   * Reads the request of the slot's chain, finds its session and fills the
   * operation. Any status but Ok is the request's outcome.
   */
  prepare(slot: RequestSlot): Status;
  /**
   * Writes the outcome where the layout has it and returns the used length: the
   * bytes written, no more and no less (CVE-2024-8612).
   */
  finish(slot: RequestSlot, status: Status): number;
  /** Notes that the next request in the slot has to be looked at anew. */
  forget(slot: RequestSlot): void;
  /** Lets go of the lists of the chain that was looked at last. */
  releaseLists(): void;
}
