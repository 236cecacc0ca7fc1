/**
 * Which call of its backend a thread is in, for others to see: a call that does
 * not return holds up the thread, which cannot say so itself.
 *
 * Only that thread writes the words, but for the flag of who has told; each is
 * whole, and nothing but a log and the giving up of copies depends on them.
 *
 * @module
 */

import type {
  AsynchronousThread,
  BackendSession,
  BackendThread,
} from "./backend.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";

/** Words of the memory that a thread and those who watch it share. */
const enum WatchWord {
  /** When the call began, in milliseconds of a common clock; 0: in none. */
  Since = 0,
  Method = 1,
  /** Whether somebody has told of this call. */
  Told = 2,
  /** What the call is about, as a number of whoever calls; 0: nothing told. */
  Subject = 3,
  Words = 4,
}

const METHODS = [
  "probe()",
  "open()",
  "run()",
  "poll()",
  "openSession()",
  "closeSession()",
  "close()",
] as const;
type Method = typeof METHODS[number];

/** How long a call may take before it counts as stuck. */
export const WATCHDOG_MS = 10_000;

/** Memory for a thread and those who watch it. */
export const createWatchMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(4 * WatchWord.Words);

/** The same on every thread of the process; never 0, and it wraps. */
const now = (): number =>
  ((performance.timeOrigin + performance.now()) | 0) || 1;

/** In which call a thread is. */
export class CallWatch {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #limitMs: number;

  constructor(memory: SharedArrayBuffer, limitMs = WATCHDOG_MS) {
    this.#words = new Int32Array(memory);
    this.#limitMs = limitMs;
  }

  /** Does `call`, and lets others see for how long. */
  during<Result>(method: Method, call: () => Result): Result {
    this.#words[WatchWord.Method] = METHODS.indexOf(method);
    Atomics.store(this.#words, WatchWord.Told, 0);
    Atomics.store(this.#words, WatchWord.Since, now());
    try {
      return call();
    } finally {
      Atomics.store(this.#words, WatchWord.Since, 0);
    }
  }

  /** What the calls from now on are about. */
  get subject(): number {
    return Atomics.load(this.#words, WatchWord.Subject);
  }

  set subject(number: number) {
    Atomics.store(this.#words, WatchWord.Subject, number);
  }

  /** Whether the thread is stuck in a call. */
  get isStuck(): boolean {
    const since = Atomics.load(this.#words, WatchWord.Since);
    return since !== 0 && ((now() - since) | 0) >= this.#limitMs;
  }

  /** In which call it is stuck; undefined where that has been told. */
  takeStuckCall(): string | undefined {
    const before = Atomics.exchange(this.#words, WatchWord.Told, 1);
    if (before !== 0) return undefined;
    const method = METHODS[this.#words[WatchWord.Method]!];
    return `${method} has not returned for ${this.#limitMs / 1000} seconds`;
  }
}

/** An asynchronous backend whose calls others see: till each returns. */
export const watchedAsynchronous = (
  thread: AsynchronousThread,
  watch: CallWatch,
): AsynchronousThread => ({
  ...watchedSessions(thread, watch),
  run: (operation) => watch.during("run()", () => thread.run(operation)),
  ...(thread.health && { health: () => thread.health!() }),
});

/** The same of a backend that runs operations. */
export const watchedBlocking = (
  thread: BackendThread,
  watch: CallWatch,
): BackendThread => ({
  ...watchedSessions(thread, watch),
  run: (operations, count) =>
    watch.during("run()", () => thread.run(operations, count)),
  ...(thread.poll && {
    poll: () => watch.during("poll()", () => thread.poll!()),
  }),
  ...(thread.health && { health: () => thread.health!() }),
});

/** What both have. */
function watchedSessions<Opened, Closed>(
  thread: {
    openSession(description: SessionDescription): Opened;
    closeSession(session: BackendSession): Closed;
    close(): Closed;
  },
  watch: CallWatch,
) {
  return {
    openSession: (description: SessionDescription) =>
      watch.during("openSession()", () => thread.openSession(description)),
    closeSession: (session: BackendSession) =>
      watch.during("closeSession()", () => thread.closeSession(session)),
    close: () => watch.during("close()", () => thread.close()),
  };
}
