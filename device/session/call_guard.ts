/**
 * Which call of which backend a queue thread is in, and a way to leave it there: a
 * thread whose call does not return is given up, and touches nothing of any guest
 * when that returns at last.
 *
 * A call costs plain stores and a plain load, since there are millions of them in a
 * second. The thread makes the word of its calls odd before a call and even behind
 * it, and then looks whether it is to be given up. Who wants that says so first,
 * and looks at the calls again a while later, which is thousands of times as long
 * as a store takes to be seen: if the thread is in the same call, it will see that
 * word when it returns. Of a call that returns in between, compare-and-exchanges of
 * that word decide.
 *
 * @module
 */

/** Words of the memory that a queue thread and the main thread share. */
const enum GuardWord {
  /** Counts beginnings and ends of calls. */
  Calls = 0,
  Method = 1,
  /** Nobody changes it. */
  Never = 2,
  /** Length of the backend's name, and its characters. */
  NameLength = 3,
  /** See {@linkcode Fate}. */
  Fate = 4,
  Name = 5,
}

/** Whether a thread is given up. */
const enum Fate {
  None = 0,
  /** It will be, unless it returns. */
  Asked = 1,
  /** It has seen that, and touches nothing more. */
  Parked = 2,
  GivenUp = 3,
}

const LONGEST_NAME = 32;
const GUARD_WORDS = GuardWord.Name + LONGEST_NAME;
/** Odd, so that what is odd stays so where the count begins anew. */
const MOST_CALLS = 0x3fff_ffff;

/** Calls that are guarded. */
export const enum GuardedMethod {
  Run = 0,
  Poll = 1,
  OpenSession = 2,
  CloseSession = 3,
  Health = 4,
  Open = 5,
  Close = 6,
}

const METHODS = [
  "run()",
  "poll()",
  "openSession()",
  "closeSession()",
  "health()",
  "open()",
  "close()",
];

/** Memory for a thread and the main thread. */
export const createGuardMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(4 * GUARD_WORDS);

/** The side of the queue thread. */
export class CallGuard {
  readonly #words: Int32Array;
  #calls = 0;
  #name = "";
  #method = GuardedMethod.Run;
  /** Calls that are under way around the present one: a backend may kick its queue. */
  readonly #outer: { method: GuardedMethod; name: string }[] = [];
  #depth = 0;

  readonly #givenUp: () => void;

  /** `givenUp` gives back what the thread has, but for what is of guests. */
  constructor(memory: SharedArrayBuffer, givenUp: () => void) {
    this.#words = new Int32Array(memory);
    this.#givenUp = givenUp;
  }

  /** Before a call of the backend `name`. */
  enter(method: GuardedMethod, name: string): void {
    if (this.#depth++ > 0) {
      this.#outer.push({ method: this.#method, name: this.#name });
      return this.#begin(method, name, 2);
    }
    this.#begin(method, name, 1);
  }

  /** `step` makes the count odd, or leaves it so. */
  #begin(method: GuardedMethod, name: string, step: number): void {
    const words = this.#words;
    if (name !== this.#name) this.#tell(name);
    words[GuardWord.Method] = this.#method = method;
    this.#calls = (this.#calls + step) & MOST_CALLS;
    words[GuardWord.Calls] = this.#calls;
  }

  /** Behind it. Does not return where the thread has been given up. */
  leave(): void {
    const words = this.#words;
    if (--this.#depth > 0) {
      const { method, name } = this.#outer.pop()!;
      this.#begin(method, name, 2);
    } else {
      this.#calls = (this.#calls + 1) & MOST_CALLS;
      words[GuardWord.Calls] = this.#calls;
    }
    if (words[GuardWord.Fate] !== Fate.None) this.#meetFate();
  }

  #meetFate(): void {
    const found = Atomics.compareExchange(
      this.#words,
      GuardWord.Fate,
      Fate.Asked,
      Fate.Parked,
    );
    if (found !== Fate.None) this.#park();
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
  #isAsked = false;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /**
   * Gives the thread up where it has been in the same call for `limitMs`, by what
   * was seen before; the call. To be called again and again, with tens of
   * milliseconds in between.
   */
  giveUp(nowMs: number, limitMs: number): StuckCall | undefined {
    const words = this.#words;
    const calls = Atomics.load(words, GuardWord.Calls);
    const isSame = calls === this.#seen && (calls & 1) === 1;
    if (this.#isAsked) return this.#decide(isSame ? Fate.GivenUp : Fate.None);
    if (!isSame) {
      this.#seen = calls;
      this.#seenAt = nowMs;
    } else if (nowMs - this.#seenAt >= limitMs) {
      this.#isAsked = true;
      Atomics.store(words, GuardWord.Fate, Fate.Asked);
    }
    return undefined;
  }

  #decide(fate: Fate): StuckCall | undefined {
    const words = this.#words;
    const found = Atomics.compareExchange(
      words,
      GuardWord.Fate,
      Fate.Asked,
      fate,
    );
    this.#isAsked = false;
    if (found === Fate.Asked && fate === Fate.None) return undefined;
    const start = GuardWord.Name;
    const end = start + words[GuardWord.NameLength]!;
    return {
      backend: String.fromCharCode(...words.subarray(start, end)),
      method: METHODS[words[GuardWord.Method]!]!,
    };
  }
}
