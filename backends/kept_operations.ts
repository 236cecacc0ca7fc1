/**
 * The operations of bursts by slot, kept and refilled.
 *
 * @module
 */

import type { BackendSession } from "./backend.ts";
import type { RequestBurst } from "./request_burst.ts";
import { SlotOperation } from "./slot_operation.ts";

/** The operations of one burst by slot. */
interface Kept {
  readonly operations: (SlotOperation | undefined)[];
  /** The block of ranges that they are windows on. */
  generation: number;
}

/** Makes requests operations. */
export class KeptOperations {
  readonly #kept = new WeakMap<RequestBurst, Kept>();
  /** What was asked for last. */
  #burst: RequestBurst | undefined;
  #ofBurst: Kept = { operations: [], generation: 0 };

  /** The request in a slot as an operation of `session`. */
  fill(
    burst: RequestBurst,
    slot: number,
    session?: BackendSession,
  ): SlotOperation {
    const { operations } = this.#of(burst);
    const operation = operations[slot] ??= new SlotOperation(
      burst,
      slot,
      operations,
    );
    operation.fill(session);
    return operation;
  }

  /** Lets go of a slot's operation: the next request there gets another one. */
  leave(burst: RequestBurst, slot: number): void {
    this.#of(burst).operations[slot]?.leave();
  }

  #of(burst: RequestBurst): Kept {
    if (this.#burst !== burst) {
      let kept = this.#kept.get(burst);
      if (!kept) {
        this.#kept.set(burst, kept = { operations: [], generation: 0 });
      }
      this.#burst = burst;
      this.#ofBurst = kept;
    }
    const kept = this.#ofBurst;
    if (kept.generation !== burst.lists.generation) this.#letGo(burst, kept);
    return kept;
  }

  /**
   * What has ended, and been told, holds no old block of ranges. A backend may end an
   * operation while it is given others, before it is polled.
   */
  #letGo(burst: RequestBurst, kept: Kept): void {
    kept.generation = burst.lists.generation;
    for (const operation of kept.operations) {
      if (operation && !operation.isOut) operation.release();
    }
  }
}
