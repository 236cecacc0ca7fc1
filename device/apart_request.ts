/**
 * A request whose outputs overlap what they must not: its results go to memory of
 * its own while it runs, by itself, in a burst of one.
 *
 * @module
 */

import type { OperationStatus } from "../backends/backend.ts";
import { PrivateResults } from "../backends/overlap.ts";
import { BurstField, RequestBurst } from "../backends/request_burst.ts";
import { putOperation, SlotOperation } from "../backends/slot_operation.ts";
import type { Region } from "../memory/region.ts";

/** One such request, from when it runs to when its results are delivered. */
export class ApartRequest {
  /** Its burst, in whose slot 0 it is. */
  readonly burst = new RequestBurst(1);
  readonly roomBytes: number;
  readonly #operation: SlotOperation;
  readonly #results: PrivateResults;

  /** `memory` has `roomBytes` bytes for its results. */
  constructor(
    operation: SlotOperation,
    memory: Region,
    roomBytes: number,
    readsTag: boolean,
  ) {
    this.#operation = operation;
    this.roomBytes = roomBytes;
    this.#results = new PrivateResults(operation, memory, readsTag);
    putOperation(this.burst, 0, operation);
  }

  get memory(): Region {
    return this.#results.memory;
  }

  /** Puts what has come of it where it belongs. */
  deliver(): void {
    const { fields } = this.burst;
    const status: OperationStatus = fields[BurstField.Status]!;
    this.#operation.status = status;
    this.#operation.writtenBytes = fields[BurstField.WrittenBytes]!;
    this.#results.deliver();
  }
}
