/**
 * Operations that wait for a slot or for room in the device's ring, in order.
 *
 * @module
 */

import type { Operation } from "../backend.ts";

/** What a thread lets wait; more goes elsewhere. */
const LIMIT = 4096;

/** A bounded queue. */
export class WaitingList {
  readonly #operations: (Operation | undefined)[] = new Array(LIMIT);
  readonly #dataBytes = new Float64Array(LIMIT);
  readonly #overdueAt = new Float64Array(LIMIT);
  #head = 0;
  count = 0;

  /** False when the list is full. */
  add(operation: Operation, dataBytes: number, overdueAt: number): boolean {
    if (this.count === LIMIT) return false;
    const at = (this.#head + this.count++) % LIMIT;
    this.#operations[at] = operation;
    this.#dataBytes[at] = dataBytes;
    this.#overdueAt[at] = overdueAt;
    return true;
  }

  get first(): Operation {
    return this.#operations[this.#head]!;
  }

  get firstDataBytes(): number {
    return this.#dataBytes[this.#head]!;
  }

  get firstOverdueAt(): number {
    return this.#overdueAt[this.#head]!;
  }

  remove(): void {
    this.#operations[this.#head] = undefined;
    this.#head = (this.#head + 1) % LIMIT;
    this.count--;
  }
}
