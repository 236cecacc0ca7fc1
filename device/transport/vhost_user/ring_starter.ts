/**
 * How a ring is started: what its runner is told, and what is made ready before.
 *
 * @module
 */

import type { Device } from "../../device.ts";
import { F_EVENT_IDX } from "../../wire/features.ts";
import type { RingPlan } from "./driver_life.ts";
import { journalOfStart } from "./journal_place.ts";
import type { QueueRunners } from "./queue_runners.ts";
import { baseText } from "./ring_base.ts";
import type { RingPlanOptions, RingPlans } from "./ring_plans.ts";
import type { RingStart } from "./ring_runner.ts";
import type { RingTracker } from "./ring_tracker.ts";
import type { Vring } from "./vring.ts";

/** What rings are started with. */
export interface RingStarterOptions extends RingPlanOptions {
  readonly device: Device;
  readonly runners: QueueRunners;
}

/** Starts the rings of one front-end. */
export class RingStarter {
  readonly #options: RingStarterOptions;
  readonly #plans: RingPlans;
  readonly #tracker: RingTracker;

  constructor(
    options: RingStarterOptions,
    plans: RingPlans,
    tracker: RingTracker,
  ) {
    this.#options = options;
    this.#plans = plans;
    this.#tracker = tracker;
  }

  /** Starts a ring as planned; a string says why it cannot be. */
  start(ring: Vring, planned: RingPlan): string | undefined {
    const redo = ring.resumes || planned.redo
      ? planned.redo ?? 0
      : this.#plans.redoAfterStop(ring.index, planned);
    const goesOn = ring.resumes || redo > 0 && !planned.redo;
    const plan = { ...planned, redo, isHeld: ring.isHeld };
    const runner = this.#options.runners.make(ring.index);
    if (typeof runner === "string") return runner;
    const journal = this.#options.journalOf?.(ring.index);
    // Before a thread has it: the process may end first.
    const unusable = journal &&
      this.#plans.openJournal(ring, plan, journal, goesOn);
    const problem = unusable ?? this.#tracker.begin(ring, plan);
    if (problem !== undefined) return `ring ${ring.index}: ${problem}`;
    const start = {
      ...this.#startOf(ring, plan),
      journal: journal && journalOfStart(journal, goesOn),
    };
    ring.runs = plan;
    ring.resumes = false;
    ring.state.baseUnknown = false;
    runner.start(start);
    if (!ring.isHeld) this.failLeft(ring.index, plan);
    const { packed, size, base } = plan;
    const form = packed ? "packed" : "split";
    this.#options.log(
      "info",
      `queue ${ring.index} started: ${form}, ${size} entries, at ${
        baseText(packed, base)
      }`,
      { queue: ring.index },
    );
    return undefined;
  }

  #startOf(ring: Vring, plan: RingPlan & { readonly redo: number }): RingStart {
    const { state: { features }, device } = this.#options;
    const { size, packed, base, redo } = plan;
    return {
      size,
      packed,
      base,
      addresses: ring.state.addresses!,
      eventIndex: (features & F_EVENT_IDX) !== 0n,
      inOrder: this.#plans.isInOrder(ring.index),
      inflight: this.#tracker.placeOf(ring.index, plan),
      takesAgain: !ring.isHeld,
      redo,
      mode: device.mode,
      hasAssociations: device.adminQueueIndex !== undefined,
      kickFd: ring.passedKick?.fd ?? ring.kickFd,
      callFd: ring.callFd,
    };
  }

  /** What is nobody's of a ring that runs is answered, unless it is done again. */
  failLeft(index: number, plan: RingPlan): void {
    const { runners } = this.#options;
    if (this.#plans.isInOrder(index) || this.#tracker.placeOf(index, plan)) {
      runners.forgetLeft(index);
    } else runners.failLeft(index);
  }
}
