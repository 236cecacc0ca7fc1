/**
 * An asynchronous backend with habits: the first byte of a session's key says
 * which. Its cipher turns every bit over.
 *
 * @module
 */

import {
  type AsynchronousBackend,
  type AsynchronousThread,
  type BackendSession,
  CONTRACT_VERSION,
  type CopiedOperation,
  OperationStatus,
  type Outcome,
} from "../backends/backend.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";

/** What a session's operations do. */
export const enum Habit {
  Good = 1,
  /** Takes 20 ms. */
  Slow = 2,
  NeverSettles = 3,
  Rejects = 4,
  Throws = 5,
  NoOutcome = 6,
  UnknownStatus = 7,
  PendingStatus = 8,
  TooLong = 9,
  /** Settles, writes then, and tells in the next operation what it has found. */
  WritesLate = 10,
  /** Settles after its deadline. */
  Late = 11,
  Unavailable = 12,
  RefusesSession = 13,
  NeverOpens = 14,
  /** Has a promise rejected that nobody waits for. */
  LeavesRejection = 15,
  /** Does not return for longer than anybody waits. */
  Blocks = 16,
  Elsewhere = 17,
  /** Aborts are told in the next operation. */
  TellsAborts = 18,
  /** Takes 5 ms, and tells the most operations that there were at a time. */
  TellsMost = 19,
}

/** Operations that it is given at a time. */
export const IN_FLIGHT = 8;
/** How long an operation may take. */
export const DEADLINE_MS = 300;
/** For how long {@linkcode Habit.Blocks} does. */
export const BLOCKED_MS = 13_000;

interface Session {
  readonly habit: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const never = new Promise<never>(() => {});

/** What the inputs of an operation still hold. */
function bytesLeft({ iv, source }: CopiedOperation): number {
  return [iv, source].reduce(
    (count, bytes) => count + bytes.filter((byte) => byte !== 0).length,
    0,
  );
}

class PromisingThread implements AsynchronousThread {
  #last: CopiedOperation | undefined;
  #aborted = 0;
  #underWay = 0;
  #most = 0;

  openSession(
    description: SessionDescription,
  ): BackendSession | Promise<BackendSession> {
    const habit = "key" in description ? description.key[0]! : 0;
    if (habit === Habit.RefusesSession) {
      throw new Error("this key is not liked");
    }
    return habit === Habit.NeverOpens ? never : { habit };
  }

  closeSession(): void {}

  run(operation: CopiedOperation): Promise<Outcome> {
    const { habit } = operation.session as Session;
    if (habit === Habit.Throws) throw new Error("thrown");
    if (habit === Habit.Blocks) block(BLOCKED_MS);
    this.#most = Math.max(this.#most, ++this.#underWay);
    return this.#run(operation, habit).finally(() => this.#underWay--);
  }

  async #run(operation: CopiedOperation, habit: number): Promise<Outcome> {
    const { source, destination } = operation;
    const done = (status: number, writtenBytes = 0): Outcome => ({
      status,
      writtenBytes,
    });
    source.forEach((byte, i) => destination[i] = byte ^ 0xff);
    switch (habit) {
      case Habit.Slow:
        await pause(20);
        break;
      case Habit.TellsMost:
        await pause(5);
        destination.fill(this.#most);
        break;
      case Habit.NeverSettles:
        return await never;
      case Habit.Rejects:
        await pause(1);
        throw new Error("rejected");
      case Habit.NoOutcome:
        return 7 as never;
      case Habit.UnknownStatus:
        return done(77);
      case Habit.PendingStatus:
        return done(OperationStatus.Pending);
      case Habit.TooLong:
        return done(OperationStatus.Ok, source.length + 1);
      case Habit.WritesLate: {
        const last = this.#last;
        this.#last = operation;
        destination.fill(last ? bytesLeft(last) : 0xff);
        setTimeout(() => destination.fill(0xee), 1);
        break;
      }
      case Habit.Late:
        await pause(2 * DEADLINE_MS);
        break;
      case Habit.Unavailable:
        return done(OperationStatus.Unavailable);
      case Habit.Elsewhere:
        return done(OperationStatus.Elsewhere);
      case Habit.LeavesRejection:
        void Promise.reject(new Error("left alone"));
        break;
      case Habit.TellsAborts:
        destination.fill(this.#aborted);
        operation.signal.addEventListener("abort", () => this.#aborted++);
        if (source[0] === 1) await never;
    }
    return done(OperationStatus.Ok, source.length);
  }

  health(): undefined {}

  close(): void {}
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const backend: AsynchronousBackend = {
  contract: CONTRACT_VERSION,
  name: "promising",
  runs: "asynchronous",
  inFlight: IN_FLIGHT,
  deadlineMs: DEADLINE_MS,
  probe: () => ({
    ready: true,
    version: "1",
    offers: [{ algorithm: "cipher.aes-cbc" }],
    missing: [],
    notOffered: {},
  }),
  open: () => new PromisingThread(),
};

export default backend;
