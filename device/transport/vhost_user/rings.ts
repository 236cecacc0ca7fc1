/**
 * The rings of one guest: which there are, and when each of them runs.
 *
 * @module
 */

import { startOf } from "../../ring/ring_start.ts";
import { acceptFeatures } from "./driver_features.ts";
import { DriverChanges, type DriverChangesOptions } from "./driver_changes.ts";
import { DriverLife, type RingPlan } from "./driver_life.ts";
import { isPacked, mayRun, ringCount } from "./front_end_state.ts";
import { shareKick } from "./passed_kick.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { KeptNumber, KeptRing } from "./front_end_record.ts";
import { baseText } from "./ring_base.ts";
import { RingPlans } from "./ring_plans.ts";
import { RingStarter, type RingStarterOptions } from "./ring_starter.ts";
import { RingTracker } from "./ring_tracker.ts";
import { StuckRings, type StuckRingsOptions } from "./stuck_rings.ts";
import { Vring } from "./vring.ts";

/** What rings are made with. */
export interface RingsOptions
  extends RingStarterOptions, StuckRingsOptions, DriverChangesOptions {
  readonly reactor: Reactor;
  /** Hears that rings have started otherwise than by a message. */
  changed?(): void;
}

/** The rings of one front-end. */
export class Rings {
  readonly all: readonly Vring[];
  readonly #options: RingsOptions;
  readonly #life = new DriverLife();
  readonly #plans: RingPlans;
  readonly #starter: RingStarter;
  readonly drivers: DriverChanges;
  readonly stuck: StuckRings;
  #closed = false;
  #used = false;

  constructor(options: RingsOptions) {
    this.#options = options;
    this.all = options.state.rings.map((state, index) =>
      new Vring(options.libc, index, state)
    );
    const { all } = this;
    const life = this.#life;
    const tracker = new RingTracker(options);
    const plans = new RingPlans(options, tracker, life);
    const starter = new RingStarter(options, plans, tracker);
    this.#plans = plans;
    this.#starter = starter;
    this.drivers = new DriverChanges(options, life, {
      all,
      plans,
      judged: () => this.#judged(),
    });
    this.stuck = new StuckRings(options, { plans, tracker, life, starter }, {
      all,
      stop: (ring) => this.#stop(ring),
      refresh: (ring) => this.#refresh(ring),
    });
  }

  /** All of them for the next process; `numberOf` knows where descriptors are. */
  keep(numberOf: (fd: number) => KeptNumber): KeptRing[] {
    return this.all.map((ring) => ({
      state: ring.state,
      runs: ring.running || ring.resumes,
      kick: numberOf(ring.kickFd),
      call: numberOf(ring.callFd),
      error: numberOf(ring.errorFd),
      stopped: this.#life.stopped(ring.index),
    }));
  }

  /** Goes on as the process before has left them; none runs yet. */
  async resume(
    kept: readonly KeptRing[],
    newestSession: number | undefined,
    descriptorOf: (number: KeptNumber) => number,
  ): Promise<void> {
    for (const [index, ring] of this.all.entries()) {
      const { state, runs, stopped, kick, call, error } = kept[index]!;
      Object.assign(ring.state, state);
      ring.resumes = runs;
      ring.kickFd = descriptorOf(kick);
      ring.callFd = descriptorOf(call);
      ring.errorFd = descriptorOf(error);
      if (stopped) this.#life.ringStopped(index, stopped);
      if (runs || stopped) this.#used = true;
    }
    if (newestSession !== undefined) this.#life.allStopped(newestSession);
    const { libc, reactor } = this.#options;
    const noneRuns = () => Promise.resolve();
    for (const ring of this.all) {
      if (ring.kickFd < 0) continue;
      await shareKick(libc, reactor, ring, this.all, noneRuns);
    }
  }

  /**
   * Starts the rings that ran when the process before ended. Kicks that it had
   * read and calls that it owed are gone with it, so each ring is looked at and
   * each driver is told to look.
   */
  async startAgain(): Promise<string | undefined> {
    const { device, state, runners } = this.#options;
    if (!this.all.some(({ resumes }) => resumes)) return undefined;
    if (!acceptFeatures(device, state)) return "features are not acceptable";
    const problem = await this.refreshAll();
    for (const { index, running, callFd } of this.all) {
      if (!running) continue;
      runners.get(index)!.look();
      await runners.get(index)!.changeCall(callFd);
    }
    return problem;
  }

  /** How many rings the front-end may speak of. */
  get count(): number {
    const { state, device } = this.#options;
    return ringCount(state, device.dataQueueCount);
  }

  /** A ring that the front-end may speak of. */
  at(index: number): Vring | undefined {
    return index < this.count ? this.all[index] : undefined;
  }

  /** Whether a ring is served. */
  get running(): boolean {
    return this.all.some(({ running }) => running);
  }

  /** Whether a ring has run or stopped for the present owner. */
  get used(): boolean {
    return this.#used;
  }

  /**
   * Starts or stops a ring as its state wants it. Returns what is wrong with
   * what the front-end said of it.
   */
  async refresh(ring: Vring): Promise<string | undefined> {
    if (ring.returning) await ring.returning;
    return await this.#refresh(ring);
  }

  async #refresh(ring: Vring): Promise<string | undefined> {
    const wanted = !this.#closed && this.at(ring.index) === ring &&
      mayRun(this.#options.state, ring.state);
    if (!wanted) await this.#stop(ring);
    return wanted && !ring.running && !this.stuck.waits(ring)
      ? this.#begin(ring)
      : undefined;
  }

  /** Starts or stops every ring; returns what is wrong with the first of them. */
  async refreshAll(): Promise<string | undefined> {
    let problem: string | undefined;
    for (const ring of this.all) problem ??= await this.refresh(ring);
    return problem;
  }

  /**
   * Rings whose memory has gone wait for it, those whose memory is back go on;
   * the runners know the memory already.
   */
  async memoryChanged(): Promise<void> {
    await this.refreshAll();
    for (const ring of this.all) {
      this.#noteAway(
        ring,
        mayRun(this.#options.state, ring.state) && this.#plans.isAway(ring),
      );
    }
  }

  #noteAway(ring: Vring, away: boolean): void {
    if (ring.away === away) return;
    ring.away = away;
    const { log } = this.#options;
    if (away) {
      log("warn", `queue ${ring.index} waits for its memory`, {
        queue: ring.index,
      });
    } else {log("info", `queue ${ring.index} has its memory back`, {
        queue: ring.index,
      });}
  }

  /** Has every running ring looked at, as if it had been kicked. */
  lookAtAll(): void {
    for (const ring of this.all) {
      if (ring.running) this.#options.runners.get(ring.index)!.look();
    }
  }

  /** Stops a ring; its base is then where it stands. */
  async stop(ring: Vring): Promise<void> {
    if (ring.returning) await ring.returning;
    await this.#stop(ring);
  }

  async #stop(ring: Vring): Promise<void> {
    const waitsForThread = ring.isStuck && ring.resumes;
    ring.resumes = false;
    this.drivers.waitsNoLonger(ring);
    const plan = ring.runs;
    if (waitsForThread) this.#hasStopped(ring, ring.state.base!);
    if (!plan) return;
    ring.runs = undefined;
    const runner = this.#options.runners.get(ring.index)!;
    const taken = await runner.stop();
    const base = this.stuck.stopped(ring, plan, taken, runner.isStuck);
    this.#hasStopped(ring, base);
    this.#options.log(
      "info",
      `queue ${ring.index} stopped at ${baseText(plan.packed, base)}`,
      { queue: ring.index },
    );
  }

  #hasStopped(ring: Vring, base: number): void {
    Object.assign(ring.state, { base, told: false, baseTold: false });
    if (this.running) return;
    this.#life.allStopped(this.#options.device.sessions.newestId);
  }

  /** Ends a ring for GET_VRING_BASE; returns where it stands. */
  async end(ring: Vring): Promise<number> {
    await this.stop(ring);
    this.#used = true;
    if (ring.state.base === undefined) this.#plans.findBase(ring);
    Object.assign(ring.state, { started: false, addresses: undefined });
    ring.closeKick();
    return ring.state.base ?? startOf(isPacked(this.#options.state));
  }

  /**
   * Starts a ring, where it may run, with `kickFd` to wait for, -1 for none.
   * Returns what is wrong with what the front-end said of it.
   */
  async changeKick(ring: Vring, kickFd: number): Promise<string | undefined> {
    await this.stop(ring);
    ring.closeKick();
    ring.kickFd = kickFd;
    ring.state.started = true;
    if (kickFd >= 0) {
      const { libc, reactor } = this.#options;
      const stop = (one: Vring) => this.stop(one);
      for (const one of await shareKick(libc, reactor, ring, this.all, stop)) {
        if (one !== ring) await this.refresh(one);
      }
    }
    return this.refresh(ring);
  }

  /** Stops all rings. */
  async stopAll(): Promise<void> {
    await Promise.all(this.all.map((ring) => this.stop(ring)));
  }

  /** Back to the state before a driver; descriptors stay. */
  async reset(): Promise<void> {
    await this.stopAll();
    for (const ring of this.all) ring.reset();
    this.#options.runners.forgetAllLeft();
  }

  /** Back to the state of a new connection; no ring may run. */
  renew(): void {
    for (const ring of this.all) {
      ring.reset();
      ring.close();
    }
    this.#options.runners.forgetAllLeft();
    this.#used = false;
  }

  /** Starts no ring from now on. */
  close(): void {
    this.#closed = true;
    this.drivers.stopWaiting();
  }

  /** Starts a ring, once it is known whether its driver is the one before. */
  #begin(ring: Vring): string | undefined {
    const { device, state } = this.#options;
    if (!this.running && !acceptFeatures(device, state)) {
      const { features } = state;
      return `features 0x${features.toString(16)} are not acceptable`;
    }
    const plan = this.#plans.planOf(ring);
    if (typeof plan === "string") {
      this.#noteAway(ring, this.#plans.isAway(ring));
      return ring.away ? undefined : plan;
    }
    if (!this.drivers.mayStart(ring, plan)) return undefined;
    const problem = this.#start(ring, plan);
    this.#startWaiting();
    return problem;
  }

  /** It is known whose driver it is that the rings wait for. */
  #judged(): void {
    this.#startWaiting();
    this.#options.changed?.();
  }

  #startWaiting(): void {
    for (const ring of this.all) {
      if (!ring.waits) continue;
      ring.waits = false;
      const plan = this.#plans.planOf(ring);
      const problem = typeof plan === "string" ? plan : this.#start(ring, plan);
      if (problem !== undefined) this.#options.broken(ring.index, problem);
    }
  }

  #start(ring: Vring, plan: RingPlan): string | undefined {
    const problem = this.#starter.start(ring, plan);
    if (problem === undefined) this.#used = true;
    return problem;
  }
}
