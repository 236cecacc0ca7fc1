/**
 * Which rings of a guest are tracked for their front-end, and what another process
 * has left of them.
 *
 * @module
 */

import type { RingAreas } from "../../ring/layout.ts";
import type { RingPlan } from "./driver_life.ts";
import { inflightAt, type InflightMemory } from "./inflight_memory.ts";
import { findLeft, type LeftRequests, trackFrom } from "./left_requests.ts";
import type { MappedPlace } from "./mapped_file.ts";
import type { MemoryTable } from "./memory_table.ts";
import type { Vring } from "./vring.ts";

/** What rings are tracked with. */
export interface TrackerOptions {
  readonly inflight: InflightMemory;
  readonly memory: MemoryTable;
}

type RingForm = Pick<RingPlan, "size" | "packed">;

/** Tracks the rings of one front-end. */
export class RingTracker {
  readonly #options: TrackerOptions;

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Where a ring is tracked. */
  placeOf(
    index: number,
    { size, packed }: RingForm,
  ): MappedPlace | undefined {
    return this.#options.inflight.placeOf(index, size, packed);
  }

  /** What another process has left of a ring, where the front-end tells it. */
  leftOf(
    index: number,
    areas: RingAreas,
    form: RingForm,
  ): LeftRequests | string | undefined {
    const { inflight, memory: { memory } } = this.#options;
    const place = this.placeOf(index, form);
    if (!place || !inflight.isLeft(index)) return undefined;
    return findLeft(memory, areas, form, inflightAt(place));
  }

  /** A ring has stopped with nothing under way; what it has not taken again is left. */
  stopped(index: number, plan: RingPlan): void {
    if (!plan.isHeld) this.leave(index, plan);
  }

  /** What is marked of a ring that does not run is for its next start to do again. */
  leave(index: number, plan: RingPlan): void {
    const { inflight, memory: { memory } } = this.#options;
    const place = this.placeOf(index, plan);
    if (!place) return;
    const left = findLeft(memory, plan, plan, inflightAt(place));
    if (typeof left !== "string" && left.count > 0) inflight.leave(index);
  }

  /** Has a ring tracked that is about to start; a string says why it cannot be. */
  begin({ index, resumes }: Vring, plan: RingPlan): string | undefined {
    const { inflight, memory: { memory } } = this.#options;
    const place = this.placeOf(index, plan);
    if (!place) return undefined;
    const isLeft = inflight.isLeft(index) && !resumes;
    inflight.taken(index);
    // Whoever is next is to find what the stuck thread has.
    const staysMarked = plan.isHeld === true &&
      typeof findLeft(memory, plan, plan, inflightAt(place)) !== "string";
    return isLeft || staysMarked
      ? undefined
      : trackFrom(memory, plan, inflightAt(place), inflight.queueSize);
  }
}
