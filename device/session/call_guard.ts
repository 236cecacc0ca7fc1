/**
 * Which call of which backend a queue thread is in, and a way to leave it there: a
 * thread whose call does not return is given up, and touches nothing of any guest
 * when that returns at last.
 *
 * The thread makes the word of its calls odd before a call, and even behind it by a
 * compare-and-exchange; who gives the thread up exchanges the odd number for
 * another. One of the two comes first, and the other sees it. All else is plain:
 * nothing but a log depends on it.
 *
 * @module
 */

/** Words of the memory that a queue thread and the main thread share. */
const enum GuardWord {
  /** Counts beginnings and ends of calls; {@linkcode GIVEN_UP}: for good. */
  Calls = 0,
  Method = 1,
  /** 1 when the call of a thread that was given up has returned. */
  Returned = 2,
  /** Nobody changes it. */
  Never = 3,
  /** Length of the backend's name, and its characters. */
  NameLength = 4,
  Name = 5,
}

const LONGEST_NAME = 32;
const GUARD_WORDS = GuardWord.Name + LONGEST_NAME;
const GIVEN_UP = -1;
/** Odd, so that what is odd stays so where the count begins anew. */
const MOST_CALLS = 0x3fff_ffff;

/** Calls that are guarded. */
export const enum GuardedMethod {
  Run = 0,
  Poll = 1,
  OpenSession = 2,
  CloseSession = 3,
  Health = 4,
}

const METHODS = [
  "run()",
  "poll()",
  "openSession()",
  "closeSession()",
  "health()",
];

/** Memory for a thread and the main thread. */
export const createGuardMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(4 * GUARD_WORDS);

/** The side of the queue thread. */
export class CallGuard {
  readonly #words: Int32Array;
  #calls = 0;
  #name = "";

  readonly #givenUp: () => void;

  /** `givenUp` gives back what the thread has, but for what is of guests. */
  constructor(memory: SharedArrayBuffer, givenUp: () => void) {
    this.#words = new Int32Array(memory);
    this.#givenUp = givenUp;
  }

  /** Before a call of the backend `name`. */
  enter(method: GuardedMethod, name: string): void {
    const words = this.#words;
    if (name !== this.#name) this.#tell(name);
    words[GuardWord.Method] = method;
    this.#calls = (this.#calls + 1) & MOST_CALLS;
    words[GuardWord.Calls] = this.#calls;
  }

  /** Behind it. Does not return where the thread has been given up. */
  leave(): void {
    const words = this.#words;
    const began = this.#calls;
    this.#calls = (began + 1) & MOST_CALLS;
    const found = Atomics.compareExchange(
      words,
      GuardWord.Calls,
      began,
      this.#calls,
    );
    if (found === GIVEN_UP) this.#park();
  }

  #tell(name: string): void {
    const words = this.#words;
    words[GuardWord.NameLength] = Math.min(name.length, LONGEST_NAME);
    for (let i = 0; i < name.length && i < LONGEST_NAME; i++) {
      words[GuardWord.Name + i] = name.charCodeAt(i);
    }
    this.#name = name;
  }

  /** Waits to be ended: whatever comes behind the call may touch guests. */
  #park(): never {
    try {
      this.#givenUp();
    } catch {
      // Nobody is there to hear of it.
    }
    Atomics.store(this.#words, GuardWord.Returned, 1);
    for (;;) Atomics.wait(this.#words, GuardWord.Never, 0);
  }
}

/** A call that has not returned. */
export interface StuckCall {
  readonly backend: string;
  readonly method: string;
}

/** The side of the main thread, which looks now and then. */
export class GuardedCalls {
  readonly #words: Int32Array;
  #seen = 0;
  #seenAt = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /**
   * Gives the thread up where it has been in the same call for `limitMs`, by what
   * was seen before; the call.
   */
  giveUp(nowMs: number, limitMs: number): StuckCall | undefined {
    const words = this.#words;
    const calls = Atomics.load(words, GuardWord.Calls);
    if (calls !== this.#seen || (calls & 1) === 0) {
      this.#seen = calls;
      this.#seenAt = nowMs;
      return undefined;
    }
    if (calls === GIVEN_UP || nowMs - this.#seenAt < limitMs) return undefined;
    const found = Atomics.compareExchange(
      words,
      GuardWord.Calls,
      calls,
      GIVEN_UP,
    );
    if (found !== calls) return undefined;
    const start = GuardWord.Name;
    const end = start + words[GuardWord.NameLength]!;
    return {
      backend: String.fromCharCode(...words.subarray(start, end)),
      method: METHODS[words[GuardWord.Method]!]!,
    };
  }

  /** Whether the call of a thread that was given up has returned. */
  get hasReturned(): boolean {
    return Atomics.load(this.#words, GuardWord.Returned) === 1;
  }
}
