/**
 * How requests of one layout are taken from their chains and answered.
 *
 * @module
 */

import type { RequestSlot } from "./request_slot.ts";
import type { DataRequest } from "./wire/data_request.ts";
import type { Status } from "./wire/status.ts";

/** One layout's way from a chain to an operation and back. */
export interface RequestFormat<Request extends DataRequest = DataRequest> {
  /** Whether descriptors name all buffers, and not the request itself. */
  readonly buffersAreInChain: boolean;
  /** An empty slot for requests of this layout. */
  createSlot(): RequestSlot<Request>;
  /**
   * Reads the request of the slot's chain, finds its session and fills the
   * operation. Any status but Ok is the request's outcome.
   */
  prepare(slot: RequestSlot<Request>): Status;
  /**
   * Writes the outcome where the layout has it and returns the used length: the
   * bytes written, no more and no less (CVE-2024-8612).
   */
  finish(slot: RequestSlot<Request>, status: Status): number;
}
