/**
 * Whose driver the rings of a guest are when they start, and what ends with the
 * driver before where that is another one.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { Device } from "../../device.ts";
import type { DriverLife, RingPlan } from "./driver_life.ts";
import type { InflightMemory } from "./inflight_memory.ts";
import type { Log } from "./log.ts";
import type { QueueRunners } from "./queue_runners.ts";
import type { RingPlans } from "./ring_plans.ts";
import type { Vring } from "./vring.ts";

/** How long a ring waits for another to tell whose driver it is. */
const JUDGEMENT_MS = 100;

/** What a driver has, which ends with it. */
export interface DriverChangesOptions {
  readonly log: Log;
  readonly device: Device;
  readonly runners: QueueRunners;
  readonly inflight: InflightMemory;
}

/** The rings of a front-end before they start. */
export interface WaitingRings {
  readonly all: readonly Vring[];
  readonly plans: RingPlans;
  /** Hears that those which wait may start. */
  judged(): void;
}

/** The drivers of one guest, one after the other. */
export class DriverChanges {
  readonly #options: DriverChangesOptions;
  readonly #life: DriverLife;
  readonly #rings: WaitingRings;
  #judgement: ReturnType<typeof setTimeout> | undefined;

  constructor(
    options: DriverChangesOptions,
    life: DriverLife,
    rings: WaitingRings,
  ) {
    this.#options = options;
    this.#life = life;
    this.#rings = rings;
  }

  /** Whether it is open if the driver of the stopped rings goes on. */
  get isInDoubt(): boolean {
    return this.#life.inDoubt;
  }

  /** The newest session when all rings had stopped, while that is open. */
  get newestSession(): number | undefined {
    return this.#life.newestSession;
  }

  /**
   * Whether a ring may start at once: it is known whose driver it is. Where others
   * will tell it waits, and `judged` is called.
   */
  mayStart(ring: Vring, plan: RingPlan): boolean {
    const { index, state: { told } } = ring;
    const { all, plans } = this.#rings;
    const others = plans.toldToStart(ring, all);
    const judgement = this.#life.judge({ index, plan, told }, others);
    if (judgement === "later") {
      ring.waits = true;
      this.#judgement ??= setTimeout(() => this.#judgeNow(), JUDGEMENT_MS);
      return false;
    }
    this.#settle(judgement === "new");
    return true;
  }

  /** A ring that may have waited stops. */
  waitsNoLonger(ring: Vring): void {
    ring.waits = false;
    if (!this.#rings.all.some(({ waits }) => waits)) this.stopWaiting();
  }

  /** Whoever was in doubt has stopped, or the doubt is over. */
  stopWaiting(): void {
    clearTimeout(this.#judgement);
    this.#judgement = undefined;
  }

  #settle(isNew: boolean): void {
    this.stopWaiting();
    if (!isNew) this.#life.goesOn();
    else this.initialises("rings start as those of a new driver");
  }

  /** No ring has told that the driver is the same. */
  #judgeNow(): void {
    this.#settle(true);
    this.#rings.judged();
  }

  /** A driver does what only a new one does, if no ring runs. */
  initialises(what: string): void {
    if (!this.#life.inDoubt) return;
    this.begins("reset", what, this.#life.newestSession);
  }

  /** The driver is that of another device, which has moved here. */
  hasMoved(): void {
    this.#life.begins();
  }

  /**
   * A new driver begins, and inherits no session but where the operator wants
   * those to outlive a reset. The one place where sessions end that nobody has
   * destroyed while the front-end stays. `cause` is whether it is the driver of
   * the same virtual device, after a reset, or of another; `newestId` is the
   * newest session of the driver before.
   */
  begins(
    cause: "reset" | "owner",
    why: string,
    newestId = this.#options.device.sessions.newestId,
  ): void {
    this.#life.begins();
    for (const ring of this.#rings.all) {
      if (ring.isStuck) ring.resumes = false;
      ring.isStuck = false;
      ring.isHeld = false;
    }
    const { device, log, inflight, runners } = this.#options;
    inflight.forget();
    runners.forgetAllLeft();
    const before = device.sessions.size;
    if (cause === "reset") device.sessions.driverReset(newestId);
    else device.sessions.clear(newestId);
    device.resetAdministration();
    device.ringsRenewed();
    const { size } = device.sessions;
    const gone = before - size;
    if (gone > 0) {
      log("info", `${gone} sessions are gone, ${cause}: ${why}`, {
        reason: why,
      });
    }
    if (size > 0) {
      log("info", `${size} sessions stay, ${cause}: ${why}`, { reason: why });
    }
  }
}
