/**
 * What a device does with a request that its backend leaves to another: here
 * the kit's own opinion takes it, after a look at the memory, which must be as
 * it was.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendSession,
  type BackendThread,
  type Operation,
  OperationStatus,
} from "../backends/backend.ts";
import { requireNoPromise } from "./hopeless.ts";
import plain from "./plain/plain_backend.ts";

interface Session {
  readonly own: BackendSession;
  readonly description: SessionDescription;
}

/** An operation under way, with its output as it was before. */
interface Started {
  readonly operation: Operation;
  readonly session: Session;
  readonly destination: Uint8Array;
  readonly digest: Uint8Array;
}

const equal = (a: Uint8Array, b: Uint8Array) =>
  a.every((byte, i) => byte === b[i]);

/** A thread whose left-over requests are taken over. */
export class StandByThread implements BackendThread {
  readonly poll?: () => number;
  readonly #thread: BackendThread;
  readonly #others = plain.open({});
  #pending: Started[] = [];
  /** Requests that the backend has answered, and that it has left over. */
  answered = 0;
  leftOver = 0;

  constructor(thread: BackendThread) {
    this.#thread = thread;
    if (thread.poll) this.poll = () => this.#poll();
  }

  openSession(description: SessionDescription): Session {
    const kept = structuredClone(description);
    const own = this.#thread.openSession(description);
    requireNoPromise("openSession()", own);
    return { own, description: kept };
  }

  closeSession(session: BackendSession): void {
    this.#thread.closeSession((session as Session).own);
  }

  run(operations: readonly Operation[], count: number): void {
    const started = operations.slice(0, count).map((operation) => {
      const session = operation.session as Session;
      operation.session = session.own;
      const destination = operation.destination.copy();
      const digest = operation.digest.copy();
      return { operation, session, destination, digest };
    });
    this.#pending.push(...started);
    requireNoPromise("run()", this.#thread.run(operations, count));
    this.#settle();
  }

  #poll(): number {
    const completed = this.#thread.poll!();
    this.#settle();
    return completed;
  }

  #settle(): void {
    const over = this.#pending.filter(({ operation }) =>
      operation.status !== OperationStatus.Pending
    );
    this.#pending = this.#pending.filter((one) => !over.includes(one));
    for (const { operation, session } of over) operation.session = session;
    for (const one of over) {
      if (one.operation.status === OperationStatus.Elsewhere) this.#take(one);
      else this.answered++;
    }
  }

  #take({ operation, session, destination, digest }: Started): void {
    this.leftOver++;
    if (
      !equal(destination, operation.destination.copy()) ||
      !equal(digest, operation.digest.copy())
    ) {
      throw new Error("Elsewhere, but the output is not as it was");
    }
    const own = this.#others.openSession(structuredClone(session.description));
    operation.session = own;
    operation.status = OperationStatus.Pending;
    this.#others.run([operation], 1);
    operation.session = session;
    this.#others.closeSession(own);
  }

  health(): string | undefined {
    return this.#thread.health?.();
  }

  close(): void {
    this.#thread.close();
  }
}
