/**
 * How many sessions went where, and why: nothing is placed or falls back
 * unseen.
 *
 * @module
 */

import { sessionName } from "./session_needs.ts";
import type { Refusal } from "../wire/session_parameters.ts";
import type { Status } from "../wire/status.ts";
import type { SessionAnnouncement, SessionObserver } from "./session_table.ts";

/** Sessions of one backend for one reason. */
interface PlacementCount {
  readonly backend: string;
  readonly reason: string;
  readonly sessions: number;
}

/** Causes of one backend that are told apart; a guest may have a say in them. */
const CAUSES = 64;
const OTHER_CAUSES = "causes that are too many to tell apart";

/** Counts placements per backend and reason; tells of each cause once. */
export class PlacementCounts implements SessionObserver {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #tell: (line: string) => void;
  readonly #refused = new Map<Status, number>();
  #created = 0;
  #closed = 0;

  /** `tell` gets one line for each new cause. */
  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  opened({ description, placement }: SessionAnnouncement): void {
    this.#created++;
    for (const choice of placement.choices) {
      const { backend } = choice;
      const reasons = this.#counts.get(backend) ?? new Map<string, number>();
      this.#counts.set(backend, reasons);
      const known = reasons.size < CAUSES || reasons.has(choice.reason);
      const reason = known ? choice.reason : OTHER_CAUSES;
      const before = reasons.get(reason) ?? 0;
      reasons.set(reason, before + 1);
      if (before === 0) {
        this.#tell(
          `placement: ${sessionName(description)} goes to ${backend}, ` +
            `because of: ${reason}`,
        );
      }
    }
  }

  closed(): void {
    this.#closed++;
  }

  refused({ status }: Refusal): void {
    this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
  }

  /** Sessions that have been created. */
  get createdSessions(): number {
    return this.#created;
  }

  /** Sessions that have been destroyed. */
  get closedSessions(): number {
    return this.#closed;
  }

  /** Sessions that were not created, by the status that says so. */
  get refusals(): ReadonlyMap<Status, number> {
    return this.#refused;
  }

  /** Sessions that were not created. */
  get refusedSessions(): number {
    return [...this.#refused.values()].reduce((sum, one) => sum + one, 0);
  }

  /** All counts, by backend and reason. */
  *[Symbol.iterator](): Generator<PlacementCount> {
    for (const [backend, reasons] of this.#counts) {
      for (const [reason, sessions] of reasons) {
        yield { backend, reason, sessions };
      }
    }
  }
}
