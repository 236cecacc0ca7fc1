/**
 * The rings of one guest: when each of them runs, and for whose driver.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { Libc } from "../../../ffi/libc.ts";
import { signalWithRoom } from "../../../ffi/libc_foreign.ts";
import type { Device } from "../../device.ts";
import { startOf } from "../../ring/ring_start.ts";
import { F_EVENT_IDX } from "../../wire/features.ts";
import { acceptFeatures } from "./driver_features.ts";
import { DriverLife, type RingPlan } from "./driver_life.ts";
import { isPacked, mayRun, ringCount } from "./front_end_state.ts";
import { shareKick } from "./passed_kick.ts";
import type { QueueRunners } from "./queue_runners.ts";
import type { Reactor } from "../../../ffi/reactor.ts";
import type { KeptNumber, KeptRing } from "./front_end_record.ts";
import { journalOfStart } from "./journal_place.ts";
import { type RingPlanOptions, RingPlans } from "./ring_plans.ts";
import type { RingStart } from "./ring_runner.ts";
import type { InflightMemory } from "./inflight_memory.ts";
import { RingTracker } from "./ring_tracker.ts";
import { Vring } from "./vring.ts";

/** How long a ring waits for another to tell whose driver it is. */
const JUDGEMENT_MS = 100;

/** What rings are made with. */
export interface RingsOptions extends RingPlanOptions {
  readonly libc: Libc;
  readonly reactor: Reactor;
  readonly device: Device;
  readonly runners: QueueRunners;
  readonly inflight: InflightMemory;
  /** Hears that rings have started otherwise than by a message. */
  changed?(): void;
  /** Hears why a ring cannot be served. */
  broken(index: number, reason: string): void;
}

/** The rings of one front-end. */
export class Rings {
  readonly all: readonly Vring[];
  readonly #options: RingsOptions;
  readonly #life = new DriverLife();
  readonly #tracker: RingTracker;
  readonly #plans: RingPlans;
  #judgement: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #used = false;

  constructor(options: RingsOptions) {
    this.#options = options;
    this.#tracker = new RingTracker(options);
    this.#plans = new RingPlans(options, this.#tracker, this.#life);
    this.all = options.state.rings.map((state, index) =>
      new Vring(options.libc, index, state)
    );
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

  /** The newest session when all rings had stopped, while that is open. */
  get newestSession(): number | undefined {
    return this.#life.newestSession;
  }

  /** Goes on as the process before has left them; none runs yet. */
  resume(
    kept: readonly KeptRing[],
    newestSession: number | undefined,
    descriptorOf: (number: KeptNumber) => number,
  ): void {
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
    for (const ring of this.all) {
      if (ring.kickFd >= 0) shareKick(libc, reactor, ring, this.all);
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

  /** Whether it is open if the driver of the stopped rings goes on. */
  get driverInDoubt(): boolean {
    return this.#life.inDoubt;
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
    return wanted && !ring.running && !this.#waitsForThread(ring)
      ? this.#begin(ring)
      : undefined;
  }

  /** Whether a ring goes on behind what a thread has that is stuck. */
  #waitsForThread({ isStuck, resumes, index, state }: Vring): boolean {
    return isStuck && (resumes || state.base === this.#life.stoppedAt(index));
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

  /**
   * The thread of a ring is stuck, which had taken what is before `base`: those
   * requests are nobody's before it is over. The ring goes on behind them, but
   * where answers have to come in order.
   */
  leaveThread(index: number, base: number): void {
    const ring = this.all[index]!;
    const plan = ring.runs;
    if (!plan) return;
    ring.runs = undefined;
    // The thread may have shown answers that it has not told of.
    if (ring.callFd >= 0) signalWithRoom(this.#options.libc, ring.callFd);
    if (!this.#plans.isInOrder(index)) ring.isHeld = true;
    else if (this.#plans.answeredTo(index, plan) !== base) {
      ring.resumes = true;
      ring.state.base = this.#leaveToThread(ring, plan, base);
      return;
    }
    const moved = { ...plan, base, redo: 0 };
    this.#life.ringStopped(index, moved);
    const problem = this.#start(ring, moved);
    if (problem !== undefined) this.#options.broken(index, problem);
  }

  /** Has a ring wait for a thread that is stuck; returns where it will go on. */
  #leaveToThread(ring: Vring, plan: RingPlan, taken: number): number {
    const { index } = ring;
    const left = this.#plans.unanswered(index, plan, taken);
    this.#life.ringStopped(index, { ...plan, base: taken, redo: 0, ...left });
    ring.isStuck = true;
    this.#options.log(
      "warn",
      `queue ${index} waits for that call: its answers come in order`,
      { queue: index },
    );
    return left?.base ?? taken;
  }

  /** A thread that was stuck with a ring's requests is no more. */
  async threadReleased(index: number): Promise<void> {
    const ring = this.all[index]!;
    if (ring.isHeld && !this.#options.runners.isHeld(index)) {
      ring.isHeld = false;
      ring.returning = this.#takeBack(ring);
      await ring.returning;
      ring.returning = undefined;
    }
    if (!ring.isStuck) return;
    ring.isStuck = false;
    const problem = await this.refresh(ring);
    if (problem !== undefined) this.#options.broken(index, problem);
    this.#options.runners.get(index)?.look();
  }

  /** What is nobody's of a ring that runs is answered, unless it is done again. */
  #failLeft(index: number, plan: RingPlan): void {
    const { runners } = this.#options;
    if (this.#plans.isInOrder(index) || this.#tracker.placeOf(index, plan)) {
      runners.forgetLeft(index);
    } else runners.failLeft(index);
  }

  /**
   * What a thread had is done again, where the front-end's region tells it, and
   * answered with ERR where not.
   */
  async #takeBack(ring: Vring): Promise<void> {
    const { index, runs } = ring;
    if (runs && !this.#tracker.placeOf(index, runs)) {
      return this.#failLeft(index, runs);
    }
    if (runs) await this.#stop(ring);
    const stopped = this.#life.stopped(index);
    if (stopped) this.#tracker.leave(index, stopped);
    if (!runs) return;
    const problem = await this.#refresh(ring);
    if (problem !== undefined) this.#options.broken(index, problem);
    this.#options.runners.get(index)?.look();
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
    ring.waits = false;
    const waitsForThread = ring.isStuck && ring.resumes;
    ring.resumes = false;
    if (!this.all.some(({ waits }) => waits)) this.#judgeNoLonger();
    const plan = ring.runs;
    if (waitsForThread) this.#hasStopped(ring, ring.state.base!);
    if (!plan) return;
    ring.runs = undefined;
    const runner = this.#options.runners.get(ring.index)!;
    const taken = await runner.stop();
    const base = this.#stoppedAt(ring, plan, taken, runner.isStuck);
    this.#hasStopped(ring, base);
    this.#options.log(
      "info",
      `queue ${ring.index} stopped at ${position(plan.packed, base)}`,
      { queue: ring.index },
    );
  }

  #hasStopped(ring: Vring, base: number): void {
    Object.assign(ring.state, { base, told: false, baseTold: false });
    if (this.running) return;
    this.#life.allStopped(this.#options.device.sessions.newestId);
  }

  /** Notes where a ring has stopped, and what of it is not done. */
  #stoppedAt(
    ring: Vring,
    plan: RingPlan,
    taken: number,
    isStuck: boolean,
  ): number {
    const { index } = ring;
    if (isStuck && this.#plans.unanswered(index, plan, taken)) {
      return this.#leaveToThread(ring, plan, taken);
    }
    if (isStuck && !this.#plans.isInOrder(index)) ring.isHeld = true;
    if (plan.redo && !isStuck) this.#tracker.stopped(index, plan);
    this.#life.ringStopped(index, { ...plan, base: taken, redo: 0 });
    return taken;
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
      for (const one of shareKick(libc, reactor, ring, this.all)) {
        if (one === ring) continue;
        await this.stop(one);
        await this.refresh(one);
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
    clearTimeout(this.#judgement);
  }

  /**
   * A new driver begins, and inherits no session but where the operator wants
   * those to outlive a reset. The one place where sessions end that nobody has
   * destroyed while the front-end stays. `cause` is whether it is the driver of
   * the same virtual device, after a reset, or of another; `newestId` is the
   * newest session of the driver before.
   */
  newDriver(
    cause: "reset" | "owner",
    why: string,
    newestId = this.#options.device.sessions.newestId,
  ): void {
    this.#life.begins();
    for (const ring of this.all) {
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

  /** The driver is that of another device, which has moved here. */
  driverMoved(): void {
    this.#life.begins();
  }

  /** A driver does what only a new one does, if no ring runs. */
  driverInitialises(what: string): void {
    if (!this.#life.inDoubt) return;
    this.newDriver("reset", what, this.#life.newestSession);
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
    const { told } = ring.state;
    const beginning = { index: ring.index, plan, told };
    const judgement = this.#life.judge(
      beginning,
      this.#plans.toldToStart(ring, this.all),
    );
    if (judgement === "later") {
      ring.waits = true;
      this.#judgement ??= setTimeout(() => this.#judgeNow(), JUDGEMENT_MS);
      return undefined;
    }
    this.#settle(judgement === "new");
    const problem = this.#start(ring, plan);
    this.#startWaiting();
    return problem;
  }

  /** Whoever was in doubt has stopped, or the doubt is over. */
  #judgeNoLonger(): void {
    clearTimeout(this.#judgement);
    this.#judgement = undefined;
  }

  #settle(isNew: boolean): void {
    this.#judgeNoLonger();
    if (!isNew) this.#life.goesOn();
    else this.driverInitialises("rings start as those of a new driver");
  }

  /** No ring has told that the driver is the same. */
  #judgeNow(): void {
    this.#settle(true);
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

  #start(ring: Vring, planned: RingPlan): string | undefined {
    const redo = ring.resumes || planned.redo
      ? planned.redo ?? 0
      : this.#plans.redoAfterStop(ring.index, planned);
    const goesOn = ring.resumes || redo > 0 && !planned.redo;
    const plan = { ...planned, redo, isHeld: ring.isHeld };
    const runner = this.#options.runners.make(ring.index);
    if (typeof runner === "string") return runner;
    const { features } = this.#options.state;
    const { packed, size, base } = plan;
    const journal = this.#options.journalOf?.(ring.index);
    // Before a thread has it: the process may end first.
    const unusable = journal &&
      this.#plans.openJournal(ring, plan, journal, goesOn);
    const problem = unusable ?? this.#tracker.begin(ring, plan);
    if (problem !== undefined) return `ring ${ring.index}: ${problem}`;
    const start: RingStart = {
      size,
      packed,
      base,
      addresses: ring.state.addresses!,
      eventIndex: (features & F_EVENT_IDX) !== 0n,
      inOrder: this.#plans.isInOrder(ring.index),
      journal: journal && journalOfStart(journal, goesOn),
      inflight: this.#tracker.placeOf(ring.index, plan),
      takesAgain: !ring.isHeld,
      redo,
      mode: this.#options.device.mode,
      hasAssociations: this.#options.device.adminQueueIndex !== undefined,
      kickFd: ring.passedKick?.fd ?? ring.kickFd,
      callFd: ring.callFd,
    };
    ring.runs = plan;
    ring.resumes = false;
    ring.state.baseUnknown = false;
    this.#used = true;
    runner.start(start);
    if (!ring.isHeld) this.#failLeft(ring.index, plan);
    const form = packed ? "packed" : "split";
    this.#options.log(
      "info",
      `queue ${ring.index} started: ${form}, ${size} entries, at ${
        position(packed, base)
      }`,
      { queue: ring.index },
    );
    return undefined;
  }
}

/** A ring's base for logs; of a packed ring, wrap counters and two indices. */
function position(packed: boolean, base: number): string {
  return packed ? `0x${base.toString(16)}` : `${base}`;
}
