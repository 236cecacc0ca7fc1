/**
 * Requests of a ring that a process has left which did not end as it should, by
 * the front-end's in-flight region and the ring itself.
 *
 * @module
 */

import type { GuestMemory } from "../../ring/guest_memory.ts";
import {
  beginPackedInflight,
  recoverPackedInflight,
} from "../../ring/packed_inflight_part.ts";
import {
  beginSplitInflight,
  recoverSplitInflight,
} from "../../ring/split_inflight.ts";
import type { RingAreas } from "../../ring/layout.ts";
import type { RingPlan } from "./driver_life.ts";
import { begunRequests, flagsAt, restartPosition } from "./ring_base.ts";

/** Where a ring goes on, and how many requests before that are under way. */
export interface LeftRequests {
  readonly base: number;
  readonly count: number;
}

/**
 * What is under way of a ring. Where SET_VRING_BASE says that it goes on is not
 * asked: Cloud Hypervisor says the available index.
 */
export function findLeft(
  memory: GuestMemory,
  areas: RingAreas,
  { size, packed }: Pick<RingPlan, "size" | "packed">,
  bytes: Uint8Array<ArrayBuffer>,
): LeftRequests | string {
  if (packed) {
    const flags = (index: number) => flagsAt(memory, areas, index);
    return recoverPackedInflight(bytes, size, flags);
  }
  const used = restartPosition(memory, areas, size, false);
  if (typeof used === "string") return used;
  const count = recoverSplitInflight(bytes, size, used);
  if (typeof count === "string") return count;
  const available = begunRequests(memory, areas, size, used, undefined);
  return count <= available
    ? { base: (used + count) & 0xffff, count }
    : `an in-flight region with ${count} requests of ${available}`;
}

/** Has a ring tracked from now on, of which nothing is under way. */
export function trackFrom(
  memory: GuestMemory,
  plan: RingPlan,
  bytes: Uint8Array<ArrayBuffer>,
  queueSize: number,
): string | undefined {
  if (plan.packed) beginPackedInflight(bytes, queueSize, plan.base);
  else {
    const used = restartPosition(memory, plan, plan.size, false);
    if (typeof used === "string") return used;
    beginSplitInflight(bytes, queueSize, used);
  }
  return undefined;
}
