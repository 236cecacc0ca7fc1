/**
 * Whether the driver is still the one that opened the sessions.
 *
 * No message tells that a driver was reset: front-ends stop rings for it, as they
 * do when the VMM pauses the guest. What tells one from the other is how rings
 * start again, and where nothing tells it the driver counts as a new one.
 *
 * @module
 */

import { startOf } from "../../ring/ring_start.ts";
import type { RingAreas } from "../../ring/layout.ts";

/** How a ring is to run. */
export interface RingPlan extends RingAreas {
  readonly size: number;
  readonly packed: boolean;
  /** Where it starts, in the form of GET_VRING_BASE. */
  readonly base: number;
  /** Requests at its start that another process may have begun. */
  readonly redo?: number;
  /** Whether a thread that is stuck has requests of it, which nobody else does. */
  readonly isHeld?: boolean;
}

/** What of a base says where the driver has its answers to. */
const answeredAt = ({ base, packed }: RingPlan): number =>
  packed ? base >>> 16 : base;

/** Whether a ring goes on where it stopped, in the same place. */
export const isSameRing = (before: RingPlan, plan: RingPlan): boolean =>
  answeredAt(before) === answeredAt(plan) && before.packed === plan.packed &&
  before.size === plan.size &&
  before.descriptorAddress === plan.descriptorAddress &&
  before.availableAddress === plan.availableAddress &&
  before.usedAddress === plan.usedAddress;

/** A ring that starts, or that will as far as the front-end has told. */
export interface RingBeginning {
  readonly index: number;
  readonly plan: RingPlan;
  /** Whether something was said of the ring since it stopped. */
  readonly told: boolean;
}

/**
 * same: the driver goes on. new: it is another, or that is in doubt. later:
 * another ring will tell.
 */
export type Judgement = "same" | "new" | "later";

/** How rings stopped, and what that says of the driver when they start. */
export class DriverLife {
  /** Rings of the present driver as they stopped. */
  readonly #stopped = new Map<number, RingPlan>();
  /** Newest session when the last ring stopped; undefined: no doubt. */
  #newestSession: number | undefined;

  /** Whether all rings have stopped, and none has told yet what that meant. */
  get inDoubt(): boolean {
    return this.#newestSession !== undefined;
  }

  /** The newest session when the doubt began. */
  get newestSession(): number | undefined {
    return this.#newestSession;
  }

  /** Notes how a ring stopped; `plan.base` is where. */
  ringStopped(index: number, plan: RingPlan): void {
    this.#stopped.set(index, plan);
  }

  /** How a ring of this driver stopped; undefined: it never did. */
  stopped(index: number): RingPlan | undefined {
    return this.#stopped.get(index);
  }

  /** Where a ring of this driver stopped; undefined: it never ran. */
  stoppedAt(index: number): number | undefined {
    return this.#stopped.get(index)?.base;
  }

  /** Notes that no ring runs any more, and the newest session. */
  allStopped(newestSession: number): void {
    this.#newestSession ??= newestSession;
  }

  /**
   * Says whose ring `ring` is, the first to start after all had stopped; `others`
   * are those that have been told to start after it.
   */
  judge(ring: RingBeginning, others: readonly RingBeginning[]): Judgement {
    if (!this.inDoubt) return "same";
    const known = [ring, ...others];
    const evidence = known.map((one) => this.#evidence(one));
    if (evidence.includes("new")) return "new";
    if (evidence.includes("same")) return "same";
    const indices = new Set(known.map(({ index }) => index));
    const silent = [...this.#stopped].filter(([index]) => !indices.has(index));
    const mayTell = silent.some(([_, { base, packed }]) =>
      base !== startOf(packed)
    );
    return mayTell ? "later" : "new";
  }

  /**
   * What one ring tells. A ring at its start tells nothing: a new driver's is
   * there, and one that has gone round may be.
   */
  #evidence({ index, plan, told }: RingBeginning): Judgement | undefined {
    const before = this.#stopped.get(index);
    if (!before) return undefined;
    if (!told) return "same";
    if (!isSameRing(before, plan)) return "new";
    return plan.base === startOf(plan.packed) ? undefined : "same";
  }

  /** The driver is the same. */
  goesOn(): void {
    this.#newestSession = undefined;
  }

  /** The driver is a new one. */
  begins(): void {
    this.#newestSession = undefined;
    this.#stopped.clear();
  }
}
