/**
 * How requests of one layout are taken from their chains and answered.
 *
 * @module
 */

import type { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import type { RequestSlots } from "./request_slots.ts";

/** One layout's way from a chain to a request of the burst and back. */
export interface RequestFormat {
  readonly requests: RequestSlots;
  /**
   * Reads the requests of the first `count` chains in `chosen`, finds their
   * sessions and fills their slots. Those that go to a backend are listed in
   * `ready`, and it returns how many; the others have their outcome.
   */
  prepare(
    chosen: Int32Array<ArrayBuffer>,
    count: number,
    ready: Int32Array<ArrayBuffer>,
  ): number;
  /**
   * The first of `slots`, from `start` to `end`, whose results may lie over what the
   * operation reads; `end` where there is none. Results over the rest of a request,
   * its header or its IV, need not be seen.
   */
  nextOverwriting(slots: Int32Array, start: number, end: number): number;
  /**
   * Looks what a request overwrites of its inputs. `isAll`: of its header and its IV
   * as well, which is not looked at else where it is plain what the results are over.
   */
  findOverwritten(
    slot: number,
    into: OverwrittenRanges,
    isAll: boolean,
  ): void;
  /**
   * Writes the outcomes of the first `count` of `slots` where the layout has them,
   * and puts the used lengths into `usedBytes`: the bytes written, no more and no
   * less (CVE-2024-8612). Returns how many have not succeeded.
   */
  finish(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number;
  /** Lets go of the lists of the chain that was looked at last. */
  releaseLists(): void;
}
