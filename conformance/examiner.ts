/**
 * What checks a backend for the kit: it opens sessions, runs requests in memory
 * under watch, compares with the second opinions and notes what differs.
 *
 * @module
 */

import { toHex } from "../algorithms/hex.ts";
import { errorWithPlace } from "../backends/where_thrown.ts";
import {
  keysOf,
  type SessionDescription,
  wipeKeys,
} from "../algorithms/session_description.ts";
import {
  type BackendSession,
  type BackendThread,
  OperationKind,
  OperationStatus,
} from "../backends/backend.ts";
import { requestInWords, sessionInWords, statusName } from "./describe.ts";
import type { RegionMaker } from "./guarded_memory.ts";
import {
  CONTIGUOUS,
  Job,
  type Layout,
  plainRegion,
  type Request,
  type Result,
  runJobs,
} from "./operations.ts";
import { compute } from "./plain/compute.ts";
import { Hopeless } from "./hopeless.ts";
import type { Random } from "./random.ts";
import type { Failure } from "./report.ts";

/** Failures of one algorithm that a report shows. */
const SHOWN_FAILURES = 8;

/** A second backend's thread and what it can do. */
export interface Reference {
  readonly name: string;
  readonly thread: BackendThread;
}

/** One request of a burst. */
export interface Trial {
  readonly check: string;
  readonly description: SessionDescription;
  readonly session: BackendSession;
  readonly request: Request;
  readonly layout: Layout;
  /** What must come out, where the caller knows it already. */
  readonly expected?: Result;
}

function differenceOf(
  what: string,
  expected: Uint8Array,
  actual: Uint8Array,
): Failure | undefined {
  if (expected.length !== actual.length) {
    return {
      check: what,
      expected: `${expected.length} bytes`,
      actual: `${actual.length} bytes`,
    };
  }
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  if (at < 0) return undefined;
  const show = (bytes: Uint8Array) =>
    `${toHex(bytes.subarray(at, at + 16))} from byte ${at} of ${bytes.length}`;
  return { check: what, expected: show(expected), actual: show(actual) };
}

/** Checks of one algorithm or group; a new one for each. */
export class Examiner {
  readonly thread: BackendThread;
  readonly random: Random;
  readonly #regionMakers: readonly RegionMaker[];
  readonly #reference: Reference | undefined;
  checks = 0;
  failureCount = 0;
  readonly failures: Failure[] = [];

  constructor(
    thread: BackendThread,
    random: Random,
    regionMakers: readonly RegionMaker[] = [plainRegion],
    reference?: Reference,
  ) {
    this.thread = thread;
    this.random = random;
    this.#regionMakers = regionMakers;
    this.#reference = reference;
  }

  /** Notes a check that failed. */
  fail(check: string, expected: string, actual: string): void {
    this.checks++;
    this.#note(check, expected, actual);
  }

  #note(check: string, expected: string, actual: string): void {
    this.failureCount++;
    const isKnown = this.failures.some((one) =>
      one.check === check && one.expected === expected && one.actual === actual
    );
    if (!isKnown && this.failures.length < SHOWN_FAILURES) {
      this.failures.push({ check, expected, actual });
    }
  }

  /** Notes a failure unless `passed`. */
  assert(
    passed: boolean,
    check: string,
    expected: string,
    actual: string,
  ): void {
    this.checks++;
    if (!passed) this.#note(check, expected, actual);
  }

  /**
   * Opens a session and wipes the keys that it was opened with, as the device
   * may; `undefined`, and a failure, when the backend throws.
   */
  open(description: SessionDescription): BackendSession | undefined {
    const given = structuredClone(description);
    try {
      const session = this.thread.openSession(given);
      const isUnchanged = keysOf(given).every((key, i) =>
        toHex(key) === toHex(keysOf(description)[i]!)
      );
      this.assert(
        isUnchanged,
        `openSession(${sessionInWords(description)})`,
        "the description's keys as they were",
        "other keys",
      );
      wipeKeys(given);
      return session;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      this.fail(
        `openSession(${sessionInWords(description)})`,
        "a session",
        errorWithPlace(error),
      );
      return undefined;
    }
  }

  /** Closes a session; a throw is a failure. */
  close(session: BackendSession): void {
    try {
      this.thread.closeSession(session);
    } catch (error) {
      this.fail("closeSession()", "no exception", errorWithPlace(error));
    }
  }

  /** Opens a session, lets `use` have it and closes it. */
  withSession(
    description: SessionDescription,
    use: (session: BackendSession) => void,
  ): void {
    const session = this.open(description);
    if (!session) return;
    use(session);
    this.close(session);
  }

  /** Runs one request and compares it; the result, or `undefined` on a throw. */
  run(trial: Omit<Trial, "layout"> & { layout?: Layout }): Result | undefined {
    return this.runBurst([{ layout: CONTIGUOUS, ...trial }])?.[0];
  }

  /** Runs requests in one burst and compares each. */
  runBurst(trials: readonly Trial[]): Result[] | undefined {
    const jobs = trials.map(({ request, session, layout }) =>
      new Job(
        request,
        session,
        layout,
        this.random,
        this.random.pick(this.#regionMakers),
      )
    );
    try {
      runJobs(this.thread, jobs);
    } catch (error) {
      const [first] = trials;
      const check = first
        ? `${first.check}, ${sessionInWords(first.description)}`
        : "run()";
      if (error instanceof Hopeless) {
        this.checks++;
        this.failureCount++;
        // It is why the rest is not examined, whatever else is wrong.
        const failure = { check, expected: "an end", actual: error.message };
        this.failures.unshift(failure);
        throw error;
      }
      this.fail(check, "no exception", errorWithPlace(error));
      return undefined;
    }
    return trials.map((trial, i) => this.#judge(trial, jobs[i]!));
  }

  #judge(trial: Trial, job: Job): Result {
    const result = job.result();
    const check = `${trial.check}, ${sessionInWords(trial.description)}, ` +
      requestInWords(trial.request, trial.layout);
    for (const [opinion, expected] of this.#opinions(trial)) {
      this.checks++;
      const failure = this.#compare(trial, job, expected);
      if (failure) {
        const { check: what, expected: wanted, actual } = failure;
        this.#note(`${check}: ${what}`, `${wanted} (${opinion})`, actual);
      }
    }
    const damage = job.findDamage();
    this.assert(
      damage === undefined,
      `${check}: memory beside the output`,
      "no change",
      `a change of ${damage}`,
    );
    return result;
  }

  #compare(trial: Trial, job: Job, expected: Result): Failure | undefined {
    const result = job.result();
    if (result.status !== expected.status) {
      return {
        check: "status",
        expected: statusName(expected.status),
        actual: statusName(result.status),
      };
    }
    if (job.operation.writtenBytes !== expected.destination.length) {
      return {
        check: "writtenBytes",
        expected: `${expected.destination.length}`,
        actual: `${job.operation.writtenBytes}`,
      };
    }
    if (result.status !== OperationStatus.Ok) return undefined;
    const { destination, digest } = result;
    const readsDigest = trial.request.kind === OperationKind.Decrypt &&
      trial.description.service === "aead";
    return differenceOf("destination", expected.destination, destination) ??
      (readsDigest
        ? undefined
        : differenceOf("digest", expected.digest, digest));
  }

  #opinions(trial: Trial): [string, Result][] {
    const { description, request } = trial;
    const opinions: [string, Result][] = [];
    const plain = trial.expected ?? compute(description, request);
    if (plain) opinions.push(["by the standard", plain]);
    const reference = description.service === "akcipher"
      ? undefined
      : this.#askReference(trial);
    if (reference) opinions.push([this.#reference!.name, reference]);
    if (opinions.length > 0) return opinions;
    // Nobody else knows it: the backend must at least agree with itself.
    const alone = this.#runAlone(this.thread, trial.session, trial.request);
    return [["the same in one piece", alone]];
  }

  #askReference({ description, request }: Trial): Result | undefined {
    if (!this.#reference) return undefined;
    const { thread } = this.#reference;
    let session: BackendSession;
    try {
      session = thread.openSession(structuredClone(description));
    } catch {
      return undefined;
    }
    const result = this.#runAlone(thread, session, request);
    thread.closeSession(session);
    return result;
  }

  #runAlone(
    thread: BackendThread,
    session: BackendSession,
    request: Request,
  ): Result {
    const job = new Job(request, session, CONTIGUOUS, this.random);
    runJobs(thread, [job]);
    return job.result();
  }
}
