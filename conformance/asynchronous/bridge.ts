/**
 * The kit over an asynchronous backend. The backend stays on the calling thread,
 * whose event loop serves it; the kit has a thread of its own, which waits.
 *
 * @module
 */

import { keysOf } from "../../algorithms/session_description.ts";
import {
  type AsynchronousBackend,
  type AsynchronousThread,
  type BackendSession,
  OperationStatus,
} from "../../backends/backend.ts";
import { errorWithPlace } from "../../backends/where_thrown.ts";
import { Hopeless, LIMIT_MS, neverEnds } from "../hopeless.ts";
import type { ConformanceOptions } from "../options.ts";
import type { AlgorithmReport, ConformanceReport } from "../report.ts";
import type {
  Answer,
  BridgedOperation,
  BridgedOutcome,
  BridgeSetup,
  Question,
  Told,
} from "./bridge_messages.ts";

/** `promise`, or a throw when that takes too long. */
async function inTime<T>(what: string, promise: T | Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(neverEnds(what)), LIMIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An opening of the backend. */
class BridgeThread {
  readonly #thread: AsynchronousThread;
  readonly #sessions: BackendSession[] = [];
  readonly #ended: BridgedOutcome[] = [];
  readonly #rejected: (reason: unknown) => void;
  #breach: Error | undefined;
  #wake = () => {};

  /** `rejected` hears what `run` has rejected with. */
  constructor(
    thread: AsynchronousThread,
    rejected: (reason: unknown) => void,
  ) {
    this.#thread = thread;
    this.#rejected = rejected;
  }

  async answer(
    question: Exclude<Question, { ask: "probe" | "open" }>,
  ): Promise<Answer> {
    switch (question.ask) {
      case "openSession": {
        const { description } = question;
        const session = await inTime(
          "openSession()",
          this.#thread.openSession(description),
        );
        if (typeof session !== "object" || session === null) {
          throw new TypeError(`openSession() gave ${typeof session}`);
        }
        const number = this.#sessions.push(session) - 1;
        return { value: number, keys: keysOf(description) };
      }
      case "closeSession":
        await inTime(
          "closeSession()",
          this.#thread.closeSession(this.#sessions[question.session]!),
        );
        return { value: undefined };
      case "run":
        for (const operation of question.operations) this.#begin(operation);
        return { value: undefined };
      case "poll":
        return { value: await this.#nextEnded() };
      case "close":
        await inTime("close()", this.#thread.close());
        return { value: undefined };
    }
  }

  #begin(bridged: BridgedOperation): void {
    const destination = new Uint8Array(bridged.destinationBytes);
    const digest = bridged.digest.slice();
    const { number } = bridged;
    const end = (status: number, writtenBytes: number) => {
      this.#ended.push({ number, status, writtenBytes, destination, digest });
      this.#wake();
    };
    let returned: unknown;
    try {
      returned = this.#thread.run({
        ...bridged,
        session: this.#sessions[bridged.session]!,
        destination,
        digest,
        signal: new AbortController().signal,
      });
    } catch (error) {
      return this.#fail(error);
    }
    if (!(returned instanceof Promise)) {
      return this.#fail(new Hopeless("run() returned no promise"));
    }
    returned.then(
      (outcome) => this.#take(outcome, destination.length, end),
      // That is what a request that fails may do.
      (reason) => {
        this.#rejected(reason);
        end(OperationStatus.Failed, 0);
      },
    );
  }

  #fail(error: unknown): void {
    this.#breach ??= error instanceof Error ? error : new Error(String(error));
    this.#wake();
  }

  #take(
    outcome: unknown,
    roomBytes: number,
    end: (status: number, writtenBytes: number) => void,
  ): void {
    if (typeof outcome !== "object" || outcome === null) {
      return this.#fail(
        new TypeError(
          `run() resolved to ${String(outcome)}, expected an object`,
        ),
      );
    }
    const { status, writtenBytes = 0 } = outcome as Record<string, unknown>;
    const isLength = Number.isInteger(writtenBytes) &&
      (writtenBytes as number) >= 0 && (writtenBytes as number) <= roomBytes;
    if (
      !Number.isInteger(status) || status === OperationStatus.Pending ||
      !isLength
    ) {
      return this.#fail(
        new RangeError(
          `run() resolved to status ${String(status)} and writtenBytes ` +
            `${String(writtenBytes)} of ${roomBytes}`,
        ),
      );
    }
    end(status as number, writtenBytes as number);
  }

  async #nextEnded(): Promise<readonly BridgedOutcome[]> {
    if (this.#ended.length === 0 && !this.#breach) {
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      await inTime("run()", woken);
    }
    const breach = this.#breach;
    this.#breach = undefined;
    if (breach) throw breach;
    return this.#ended.splice(0);
  }
}

/** Runs the kit over `backend`; rejects for options that it does not have. */
export async function checkAsynchronousBackend(
  backend: AsynchronousBackend,
  options: ConformanceOptions,
): Promise<ConformanceReport> {
  const { begins, progress, reference, ...cloneable } = options;
  if (reference) {
    throw new TypeError(
      `Cannot compare asynchronous backend "${backend.name}" with another`,
    );
  }
  const threads: BridgeThread[] = [];
  const rejections = new Rejections();
  const reply = async (question: Question): Promise<Answer> => {
    switch (question.ask) {
      case "probe":
        return { value: backend.probe(question.options) };
      case "open": {
        const opened = await inTime("open()", backend.open(question.options));
        return {
          value: threads.push(
            new BridgeThread(opened, (reason) => rejections.add(reason)),
          ) - 1,
        };
      }
      default:
        return await threads[question.thread]!.answer(question);
    }
  };
  const { port1, port2 } = new MessageChannel();
  const answers = new SharedArrayBuffer(4);
  const count = new Int32Array(answers);
  const worker = new Worker(new URL("./kit_worker.ts", import.meta.url), {
    type: "module",
  });
  const answer = async (question: Question) => {
    port1.postMessage(await reply(question).catch(thrown));
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
  };
  try {
    return await new Promise<ConformanceReport>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Told>) => {
        switch (data.tell) {
          case "question":
            return void answer(data.question);
          case "begins":
            rejections.begin();
            return begins?.(data.name);
          case "progress":
            return progress?.(rejections.told(data.entry));
          case "report":
            return resolve(rejections.inReport(data.report));
          case "error":
            return reject(new RangeError(data.reason));
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      const { name, contract } = backend;
      const setup: BridgeSetup = {
        port: port2,
        answers,
        name,
        contract,
        options: cloneable,
      };
      worker.postMessage(setup, [port2]);
    });
  } finally {
    worker.terminate();
    port1.close();
  }
}

/** What `run` has rejected with, as part of what the kit has found wrong. */
class Rejections {
  #first: unknown;
  #count = 0;
  readonly #entries = new Map<string, AlgorithmReport>();

  begin(): void {
    this.#count = 0;
  }

  add(reason: unknown): void {
    if (this.#count++ === 0) this.#first = reason;
  }

  /** The entry, with the first of its rejections where it has failed. */
  told(entry: AlgorithmReport): AlgorithmReport {
    if (entry.outcome !== "fail" || this.#count === 0) return entry;
    const failures = [...entry.failures, {
      check: `run() rejected ${this.#count} times`,
      expected: "that of requests that fail alone",
      actual: errorWithPlace(this.#first),
    }];
    const told = { ...entry, failures };
    this.#entries.set(entry.algorithm, told);
    return told;
  }

  inReport(report: ConformanceReport): ConformanceReport {
    const algorithms = report.algorithms.map((entry) =>
      this.#entries.get(entry.algorithm) ?? entry
    );
    return { ...report, algorithms };
  }
}

function thrown(error: unknown): Answer {
  return {
    thrown: error instanceof Hopeless ? error.message : errorWithPlace(error),
    isHopeless: error instanceof Hopeless,
  };
}
