/**
 * The jobs of a lane on the thread of its backend: guests in turn, no more at a
 * time than the backend takes, none longer than its deadline.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import {
  type AsynchronousBackend,
  type AsynchronousThread,
  type Backend,
  type BackendSession,
  type CopiedOperation,
  OperationStatus,
} from "../../backends/backend.ts";
import { type FailureListener, reasonOf } from "../session/failure.ts";
import { sessionName } from "../session/session_needs.ts";
import { type Job, wipeJob } from "./job.ts";
import { LaneSession } from "./lane_session.ts";
import { within } from "./within.ts";

/** Operations under way where the backend says nothing else. */
const IN_FLIGHT = 64;
/** How long one may take where the backend says nothing else. */
const DEADLINE_MS = 30_000;
/** Deadlines are looked at so many times within one. */
const LOOKS_PER_DEADLINE = 8;

/** What no backend may answer: the device finds the breach in it. */
const NO_OUTCOME = -1;

/** What a backend says that it can take. */
export type LaneLimits = Pick<AsynchronousBackend, "inFlight" | "deadlineMs">;

/** One that blocks is given one at a time, so that guests take turns. */
const ONE_AT_A_TIME: LaneLimits = { inFlight: 1 };

/** The limits of a backend; the device's own for one that says none. */
export const limitsOf = (backend: Backend): LaneLimits =>
  backend.runs === "asynchronous" ? backend : ONE_AT_A_TIME;

/** A job that the backend has. */
interface UnderWay {
  readonly job: Job;
  readonly deadline: number;
  /** Made when the backend asks for its signal: most never do. */
  abort: AbortController | undefined;
}

/** Gives the jobs of a lane to its backend. */
export class Scheduler {
  readonly #thread: AsynchronousThread;
  readonly #backend: string;
  readonly #noted: FailureListener;
  readonly #inFlight: number;
  /** What one guest may have of that, so that there is room for another. */
  readonly #inFlightOfGuest: number;
  readonly #deadlineMs: number;
  readonly #sessions = new Set<LaneSession>();
  /** What waits, by guest, the next guest first. */
  readonly #waiting = new Map<number, Job[]>();
  readonly #underWay = new Set<UnderWay>();
  readonly #countOf = new Map<number, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `noted` hears of requests and sessions that fail. */
  constructor(
    backend: string,
    thread: AsynchronousThread,
    { inFlight = IN_FLIGHT, deadlineMs = DEADLINE_MS }: LaneLimits,
    noted: FailureListener,
  ) {
    this.#backend = backend;
    this.#thread = thread;
    this.#noted = noted;
    this.#inFlight = inFlight;
    this.#inFlightOfGuest = Math.ceil(this.#inFlight * 3 / 4);
    this.#deadlineMs = deadlineMs;
  }

  /** Whether the backend has an operation. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Opens a session; the description is the lane's from now on. */
  open(guest: number, description: SessionDescription): LaneSession {
    const session = new LaneSession(
      guest,
      description,
      this.#thread,
      this.#deadlineMs,
      (reason) => this.#note("session", description, reason),
    );
    this.#sessions.add(session);
    void session.handle();
    return session;
  }

  /** Why the backend cannot have such a session; undefined where it can. */
  async tryOpening(
    description: SessionDescription,
  ): Promise<string | undefined> {
    let refusal: string | undefined;
    const session = new LaneSession(
      0,
      description,
      this.#thread,
      this.#deadlineMs,
      (reason) => refusal ??= reason,
    );
    await session.handle();
    await session.close();
    return refusal;
  }

  /** Closes a session, for whose jobs nobody waits any more. */
  async close(session: LaneSession): Promise<void> {
    this.#sessions.delete(session);
    for (const one of this.#underWay) {
      if (one.job.session === session) this.#giveUp(one);
    }
    await session.close();
  }

  submit(job: Job): void {
    const { guest } = job.session;
    const jobs = this.#waiting.get(guest);
    if (jobs) jobs.push(job);
    else this.#waiting.set(guest, [job]);
    this.#beginMore();
  }

  /** Why the backend cannot work now, or undefined when it can. */
  async health(): Promise<string | undefined> {
    if (!this.#thread.health) return "it does not tell its health";
    try {
      return await within(
        this.#deadlineMs,
        Promise.resolve(this.#thread.health()),
      );
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Ends all that is under way as unavailable, and closes the backend. */
  async closeAll(): Promise<void> {
    for (const jobs of this.#waiting.values()) {
      for (const job of jobs) job.ended(OperationStatus.Unavailable, 0);
    }
    this.#waiting.clear();
    for (const one of this.#underWay) this.#giveUp(one);
    this.#stopLooking();
    await Promise.all([...this.#sessions].map((one) => this.close(one)));
    await this.#thread.close();
  }

  #beginMore(): void {
    for (const [guest, jobs] of this.#waiting) {
      if (this.#underWay.size >= this.#inFlight) return;
      if ((this.#countOf.get(guest) ?? 0) >= this.#inFlightOfGuest) continue;
      // The guest goes to the end of the line.
      this.#waiting.delete(guest);
      const job = jobs.shift()!;
      if (jobs.length > 0) this.#waiting.set(guest, jobs);
      this.#begin(job);
    }
  }

  #begin(job: Job): void {
    const { session } = job;
    if (session.isClosed) {
      return job.ended(OperationStatus.Unavailable, 0);
    }
    const deadline = performance.now() + this.#deadlineMs;
    const one: UnderWay = { job, deadline, abort: undefined };
    this.#underWay.add(one);
    this.#countOf.set(
      session.guest,
      (this.#countOf.get(session.guest) ?? 0) + 1,
    );
    this.#timer ??= this.#lookLater();
    void this.#run(one);
  }

  async #run(one: UnderWay): Promise<void> {
    const { job } = one;
    const { session } = job;
    let status: unknown;
    let writtenBytes: unknown = 0;
    try {
      let handle = session.handle();
      if (handle instanceof Promise) handle = await handle;
      if (handle === undefined) status = OperationStatus.Elsewhere;
      else {
        const outcome: unknown = await this.#thread.run(
          operationOf(one, handle),
        );
        if (typeof outcome === "object" && outcome !== null) {
          ({ status, writtenBytes = 0 } = outcome as Record<string, unknown>);
        }
      }
    } catch (error) {
      status = OperationStatus.Failed;
      writtenBytes = 0;
      if (this.#underWay.has(one)) {
        this.#note("request", session.description, reasonOf(error));
      }
    }
    if (!this.#leave(one)) return wipeJob(job.data);
    job.ended(
      asNumber(status, OperationStatus.Pending),
      asNumber(writtenBytes),
    );
    this.#beginMore();
  }

  /** False: nobody waits for it any more. */
  #leave(one: UnderWay): boolean {
    if (!this.#underWay.delete(one)) return false;
    const { guest } = one.job.session;
    const count = this.#countOf.get(guest)! - 1;
    if (count > 0) this.#countOf.set(guest, count);
    else this.#countOf.delete(guest);
    // A program waits for operations under way, and for nothing else of it.
    if (this.#underWay.size === 0) this.#stopLooking();
    return true;
  }

  #giveUp(one: UnderWay): void {
    this.#leave(one);
    one.abort?.abort();
    one.job.ended(OperationStatus.Unavailable, 0);
  }

  #stopLooking(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): ReturnType<typeof setTimeout> {
    return setTimeout(
      () => this.#look(),
      this.#deadlineMs / LOOKS_PER_DEADLINE,
    );
  }

  /** Gives up what takes too long. */
  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const one of this.#underWay) {
      if (now < one.deadline) continue;
      const { description } = one.job.session;
      const reason = `no answer within ${this.#deadlineMs} ms`;
      this.#note("request", description, reason);
      this.#giveUp(one);
    }
    if (this.#underWay.size > 0) this.#timer ??= this.#lookLater();
    this.#beginMore();
  }

  #note(
    of: "request" | "session",
    description: SessionDescription,
    reason: string,
  ): void {
    const which = sessionName(description);
    this.#noted({ of, backend: this.#backend, reason: `${which}: ${reason}` });
  }
}

function operationOf(
  one: UnderWay,
  session: BackendSession,
): CopiedOperation {
  return {
    ...one.job.data,
    session,
    get signal() {
      one.abort ??= new AbortController();
      return one.abort.signal;
    },
  };
}

/** A number for the device to judge; what is none, or `forbidden`, is a breach. */
function asNumber(value: unknown, forbidden?: number): number {
  return typeof value === "number" && (value | 0) === value &&
      value !== forbidden
    ? value
    : NO_OUTCOME;
}
