/**
 * How the rings of one guest are to run: where they lie and stand, and what of them
 * is done again.
 *
 * @module
 */

import { startOf } from "../../ring/ring_start.ts";
import { MOST_TRIES } from "../../redone_requests.ts";
import { RingPositions } from "../../ring/ring_positions.ts";
import { undoRequests } from "../../ring/undo_log.ts";
import { F_IN_ORDER } from "../../wire/features.ts";
import { type DriverLife, isSameRing, type RingPlan } from "./driver_life.ts";
import { type FrontEndState, isPacked } from "./front_end_state.ts";
import {
  type JournalPlace,
  openJournal,
  openUndoLog,
} from "./journal_place.ts";
import type { Log } from "./log.ts";
import type { MemoryTable } from "./memory_table.ts";
import {
  begunRequests,
  requestsUpTo,
  restartPosition,
  ringPosition,
  unshownDescriptors,
} from "./ring_base.ts";
import { areasOf, locateRing } from "./ring_place.ts";
import type { RingTracker } from "./ring_tracker.ts";
import type { Vring } from "./vring.ts";

/** What plans are made of. */
export interface RingPlanOptions {
  readonly log: Log;
  readonly state: FrontEndState;
  readonly memory: MemoryTable;
  /** Where a ring has its journal; absent: the guest is not kept. */
  readonly journalOf?: ((ring: number) => JournalPlace) | undefined;
}

/** What is known of a guest's rings before they start. */
export class RingPlans {
  readonly #options: RingPlanOptions;
  readonly #tracker: RingTracker;
  readonly #life: DriverLife;

  constructor(
    options: RingPlanOptions,
    tracker: RingTracker,
    life: DriverLife,
  ) {
    this.#options = options;
    this.#tracker = tracker;
    this.#life = life;
  }

  /** What is kept of a ring is where it stands. */
  isInOrder(index: number): boolean {
    return (this.#options.state.features & F_IN_ORDER) !== 0n ||
      this.#options.journalOf?.(index) !== undefined;
  }

  /** Behind which request all is unanswered, of a ring that is in order. */
  answeredTo(
    index: number,
    { size, packed, ...areas }: RingPlan,
  ): number | string {
    const { memory } = this.#options.memory;
    const journal = this.#options.journalOf?.(index);
    if (packed && !journal) return "nobody has noted it";
    return restartPosition(
      memory,
      areas,
      size,
      packed && openJournal(journal!),
    );
  }

  /**
   * Where a ring that is in order goes on whose thread is stuck and had taken what is
   * before `taken`, and how many requests are done again there; undefined where all
   * of that is answered, or nobody knows.
   */
  unanswered(
    index: number,
    plan: RingPlan,
    taken: number,
  ): { base: number; redo: number } | undefined {
    if (!this.isInOrder(index)) return undefined;
    const base = this.answeredTo(index, plan);
    if (typeof base === "string" || base === taken) return undefined;
    return { base, redo: this.#begun(index, plan, base) };
  }

  /**
   * Requests that were begun and not done again yet when a ring stopped that goes on
   * there: of a ring that is kept its undo log has them.
   */
  redoAfterStop(index: number, plan: RingPlan): number {
    const stopped = this.#life.stopped(index);
    if (!stopped || !isSameRing(stopped, plan)) return 0;
    const told = stopped.redo ?? 0;
    const undo = this.#options.journalOf?.(index)?.undo;
    const records = undo && openUndoLog(undo).read();
    const last = Array.isArray(records) ? records.at(-1) : undefined;
    if (!last) return told;
    const { memory } = this.#options.memory;
    const { base } = plan;
    const written = requestsUpTo(memory, plan, plan, base, last.position);
    return Math.max(told, written);
  }

  /** Whether a ring is in memory that was shared and is not at present. */
  isAway({ state: { addresses, size } }: Vring): boolean {
    const { memory, state } = this.#options;
    const packed = isPacked(state);
    return addresses !== undefined &&
      !locateRing(memory.memory, addresses, size, packed) &&
      areasOf(addresses, size, packed).some((area) => memory.wasShared(area));
  }

  /**
   * Where a ring stands that another process has served: QEMU's cryptodev asks for
   * it when the guest is stopped after it has connected again, mostly before it has
   * shared the memory that would tell.
   */
  findBase({ state }: Vring): void {
    const { memory } = this.#options.memory;
    const packed = isPacked(this.#options.state);
    const areas = state.addresses &&
      locateRing(memory, state.addresses, state.size, packed);
    const base = areas && !packed
      ? restartPosition(memory, areas, state.size, false)
      : undefined;
    if (typeof base === "number") state.base = base;
    else state.baseUnknown = true;
  }

  /** How a ring is to run, or why it cannot. */
  planOf({ index, state, resumes }: Vring): RingPlan | string {
    const { memory } = this.#options.memory;
    const { size, addresses } = state;
    if (!addresses) return `ring ${index} has no addresses`;
    const packed = isPacked(this.#options.state);
    const areas = locateRing(memory, addresses, size, packed);
    if (!areas) return `ring ${index} is outside the shared memory`;
    const stoppedAt = this.#life.stoppedAt(index);
    const journal = this.#options.journalOf?.(index);
    const left = resumes ? undefined : this.#tracker.leftOf(
      index,
      areas,
      { size, packed },
    );
    if (typeof left === "string") return `ring ${index}: ${left}`;
    if (left) {
      return { size, ...areas, packed, base: left.base, redo: left.count };
    }
    // Said back, an answer that nobody knew means where the ring stands.
    const isUnknown = state.baseUnknown && !packed &&
      (state.base ?? startOf(packed)) === startOf(packed);
    const base = resumes && (journal || !packed) || isUnknown
      ? this.answeredTo(index, { size, packed, base: 0, ...areas })
      : ringPosition(state.base, stoppedAt, size, packed);
    if (typeof base === "string") return `ring ${index}: ${base}`;
    const plan = { size, ...areas, packed, base };
    return { ...plan, redo: resumes ? this.#begun(index, plan, base) : 0 };
  }

  /** How many requests behind `base` may have been begun. */
  #begun(index: number, plan: RingPlan, base: number): number {
    const journal = this.#options.journalOf?.(index);
    return begunRequests(
      this.#options.memory.memory,
      plan,
      plan.size,
      base,
      plan.packed && journal ? openJournal(journal) : undefined,
    );
  }

  /**
   * Makes a journal ready; a string says why what is there cannot be used. `goesOn`:
   * what is written down is of requests that this ring does again.
   */
  openJournal(
    { index, resumes }: Vring,
    { base, redo = 0, size, packed }: RingPlan,
    { undo, ...place }: JournalPlace,
    goesOn: boolean,
  ): string | undefined {
    const journal = openJournal(place);
    const undoLog = undo && openUndoLog(undo);
    if (!resumes) {
      journal.reset(base);
      journal.tries = 0;
    }
    if (!goesOn) {
      undoLog?.clear();
      return undefined;
    }
    if (redo > 0 && journal.tries >= MOST_TRIES) {
      this.#options.log(
        "warn",
        `queue ${index}: a request with which ${journal.tries} processes have ` +
          "ended is answered with ERR",
        { queue: index },
      );
    }
    if (!undoLog) return undefined;
    const positions = new RingPositions(size, packed);
    const done = packed ? unshownDescriptors(journal) : 0;
    const shown = base & 0xffff;
    const first = done > 0 ? positions.after(shown, done) : shown;
    const { memory } = this.#options.memory;
    return undoRequests(undoLog, memory, positions, first);
  }

  /** Other rings that will start, as far as the front-end has told. */
  toldToStart(first: Vring, all: readonly Vring[]) {
    return all
      .filter((ring) =>
        ring !== first && !ring.running && ring.state.started &&
        ring.state.baseTold
      )
      .map((ring) => ({
        index: ring.index,
        plan: this.planOf(ring),
        told: true,
      }))
      .filter((one): one is typeof one & { plan: RingPlan } =>
        typeof one.plan !== "string"
      );
  }
}
