/**
 * What becomes of a ring whose thread is stuck in a call of a backend: it goes on
 * without the requests that the thread has, or waits for them.
 *
 * @module
 */

import type { Libc } from "../../../ffi/libc.ts";
import { signalWithRoom } from "../../../ffi/libc_foreign.ts";
import type { DriverLife, RingPlan } from "./driver_life.ts";
import type { Log } from "./log.ts";
import type { QueueRunners } from "./queue_runners.ts";
import type { RingPlans } from "./ring_plans.ts";
import type { RingStarter } from "./ring_starter.ts";
import type { RingTracker } from "./ring_tracker.ts";
import type { Vring } from "./vring.ts";

/** What such rings need. */
export interface StuckRingsOptions {
  readonly libc: Libc;
  readonly log: Log;
  readonly runners: QueueRunners;
  /** Hears why a ring cannot be served. */
  broken(index: number, reason: string): void;
}

/** What is known of a guest's rings, and how one starts. */
export interface RingParts {
  readonly plans: RingPlans;
  readonly tracker: RingTracker;
  readonly life: DriverLife;
  readonly starter: RingStarter;
}

/** All rings of a front-end, and how one stops or is started as its state wants. */
export interface StoppableRings {
  readonly all: readonly Vring[];
  stop(ring: Vring): Promise<void>;
  refresh(ring: Vring): Promise<string | undefined>;
}

/** The rings of one front-end whose threads are stuck. */
export class StuckRings {
  readonly #options: StuckRingsOptions;
  readonly #parts: RingParts;
  readonly #rings: StoppableRings;

  constructor(
    options: StuckRingsOptions,
    parts: RingParts,
    rings: StoppableRings,
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#rings = rings;
  }

  /**
   * The thread of a ring is stuck, which had taken what is before `base`: those
   * requests are nobody's before it is over. The ring goes on behind them, but
   * where answers have to come in order.
   */
  leaveThread(index: number, base: number): void {
    const { plans, life, starter } = this.#parts;
    const ring = this.#rings.all[index]!;
    const plan = ring.runs;
    if (!plan) return;
    ring.runs = undefined;
    // The thread may have shown answers that it has not told of.
    if (ring.callFd >= 0) signalWithRoom(this.#options.libc, ring.callFd);
    if (!plans.isInOrder(index)) ring.isHeld = true;
    else if (plans.answeredTo(index, plan) !== base) {
      ring.resumes = true;
      ring.state.base = this.#leaveToThread(ring, plan, base);
      return;
    }
    const moved = { ...plan, base, redo: 0 };
    life.ringStopped(index, moved);
    this.#note(ring, starter.start(ring, moved));
  }

  /**
   * Notes where a ring has stopped that ran as `plan` says and had taken what is
   * before `taken`; returns where it will go on.
   */
  stopped(
    ring: Vring,
    plan: RingPlan,
    taken: number,
    isStuck: boolean,
  ): number {
    const { plans, tracker, life } = this.#parts;
    const { index } = ring;
    if (isStuck && plans.unanswered(index, plan, taken)) {
      return this.#leaveToThread(ring, plan, taken);
    }
    if (isStuck && !plans.isInOrder(index)) ring.isHeld = true;
    if (plan.redo && !isStuck) tracker.stopped(index, plan);
    life.ringStopped(index, { ...plan, base: taken, redo: 0 });
    return taken;
  }

  /** Has a ring wait for a thread that is stuck; returns where it will go on. */
  #leaveToThread(ring: Vring, plan: RingPlan, taken: number): number {
    const { plans, life } = this.#parts;
    const { index } = ring;
    const left = plans.unanswered(index, plan, taken);
    life.ringStopped(index, { ...plan, base: taken, redo: 0, ...left });
    ring.isStuck = true;
    this.#options.log(
      "warn",
      `queue ${index} waits for that call: its answers come in order`,
      { queue: index },
    );
    return left?.base ?? taken;
  }

  /** Whether a ring goes on behind what a thread has that is stuck. */
  waits({ isStuck, resumes, index, state }: Vring): boolean {
    const { life } = this.#parts;
    return isStuck && (resumes || state.base === life.stoppedAt(index));
  }

  /** A thread that was stuck with a ring's requests is no more. */
  async threadReleased(index: number): Promise<void> {
    const ring = this.#rings.all[index]!;
    if (ring.isHeld && !this.#options.runners.isHeld(index)) {
      ring.isHeld = false;
      ring.returning = this.#takeBack(ring);
      await ring.returning;
      ring.returning = undefined;
    }
    if (!ring.isStuck) return;
    ring.isStuck = false;
    if (ring.returning) await ring.returning;
    await this.#goOn(ring);
  }

  /**
   * What a thread had is done again, where the front-end's region tells it, and
   * answered with ERR where not.
   */
  async #takeBack(ring: Vring): Promise<void> {
    const { tracker, life, starter } = this.#parts;
    const { index, runs } = ring;
    if (runs && !tracker.placeOf(index, runs)) {
      return starter.failLeft(index, runs);
    }
    if (runs) await this.#rings.stop(ring);
    const stopped = life.stopped(index);
    if (stopped) tracker.leave(index, stopped);
    if (runs) await this.#goOn(ring);
  }

  async #goOn(ring: Vring): Promise<void> {
    this.#note(ring, await this.#rings.refresh(ring));
    this.#options.runners.get(ring.index)?.look();
  }

  #note({ index }: Vring, problem: string | undefined): void {
    if (problem !== undefined) this.#options.broken(index, problem);
  }
}
