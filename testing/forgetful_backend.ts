/**
 * The noble backend with bad habits on queue threads, chosen by the first byte
 * of an AES key: `FORGETS` leaves operations pending, which it has no `poll` for,
 * `REFUSES` throws from `openSession`, `THROWS` from `run`, `FAILS` says `Failed`.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import noble from "../backends/noble/noble.ts";

export const FORGETS = 1;
export const REFUSES = 2;
export const THROWS = 3;
export const FAILS = 4;

const isQueueThread = "WorkerGlobalScope" in globalThis;

class ForgetfulThread implements BackendThread {
  readonly #inner = noble.open({});
  readonly #habits = new Map<object, number>();

  openSession(description: SessionDescription): object {
    const [habit] = "key" in description ? description.key : [0];
    if (habit === REFUSES && isQueueThread) throw new Error("no room\nat all");
    const session = this.#inner.openSession(description);
    this.#habits.set(session, habit!);
    return session;
  }

  closeSession(session: object): void {
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    for (const operation of operations.slice(0, count)) this.#runOne(operation);
  }

  #runOne(operation: Operation): void {
    switch (this.#habits.get(operation.session)) {
      case FORGETS:
        return;
      case THROWS:
        throw new Error("out of order");
      case FAILS:
        operation.status = OperationStatus.Failed;
        operation.writtenBytes = operation.destination.totalBytes;
        return;
      default:
        this.#inner.run([operation], 1);
    }
  }

  health(): undefined {}

  close(): void {
    this.#inner.close();
  }
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "forgetful",
  probe: (options) => noble.probe(options),
  open: () => new ForgetfulThread(),
};

export default backend;
