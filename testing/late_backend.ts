/**
 * The noble backend, late: about half of its operations are still pending when
 * `run` returns, and end in an order of their own when they are polled for.
 *
 * @module
 */

import noble from "../backends/noble/noble.ts";
import {
  type BackendSession,
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import { Random } from "../conformance/random.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";

class LateThread implements BackendThread {
  readonly #inner = noble.open({});
  readonly #random = new Random(1);
  readonly #pending: Operation[] = [];

  openSession(description: SessionDescription): BackendSession {
    return this.#inner.openSession(description);
  }

  closeSession(session: BackendSession): void {
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      const operation = operations[i]!;
      if (this.#random.oneIn(2)) this.#inner.run([operation], 1);
      else {
        operation.status = OperationStatus.Pending;
        this.#pending.push(operation);
      }
    }
  }

  poll(): number {
    this.#random.shuffle(this.#pending);
    const count = this.#random.integer(this.#pending.length + 1);
    this.#inner.run(this.#pending.splice(0, count), count);
    return count;
  }

  close(): void {
    this.#inner.close();
  }
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "late",
  probe: (options) => noble.probe(options),
  open: () => new LateThread(),
};

export default backend;
