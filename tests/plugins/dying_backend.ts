/**
 * A backend that dies on purpose: after some operations its library is gone, and
 * comes back when the file it watches is there no more. For tests of failover.
 *
 * @module
 */

import noble from "../../backends/noble/noble.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
} from "../../backends/backend.ts";

/** How the backends of a test die; shared by all that this module made. */
export const fate = {
  /** Operations that still succeed. */
  left: Infinity,
  /** `throw` from run, or say `Unavailable` of each operation. */
  manner: "throw" as "throw" | "unavailable" | "late",
  alive: () => fate.left > 0,
};

/** Completes on poll only, so that operations are in flight when it dies. */
class DyingThread implements BackendThread {
  readonly #inner: BackendThread;
  readonly #waiting: Operation[] = [];

  constructor(inner: BackendThread) {
    this.#inner = inner;
  }

  openSession(description: Parameters<BackendThread["openSession"]>[0]) {
    return this.#inner.openSession(description);
  }

  closeSession(session: object): void {
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    if (fate.manner === "late") {
      this.#waiting.push(...operations.slice(0, count));
      return;
    }
    for (let i = 0; i < count; i++) {
      if (fate.left-- > 0) this.#inner.run([operations[i]!], 1);
      else if (fate.manner === "throw") throw new Error("the card is gone");
      else operations[i]!.status = OperationStatus.Unavailable;
    }
  }

  poll(): number {
    const done = this.#waiting.splice(0);
    for (const operation of done) {
      if (fate.left-- > 0) this.#inner.run([operation], 1);
      else operation.status = OperationStatus.Unavailable;
    }
    return done.length;
  }

  health(): string | undefined {
    return fate.alive() ? undefined : "the card is gone";
  }

  close(): void {
    this.#inner.close();
  }
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "dying",
  probe: (options) => ({ ...noble.probe(options), version: "dies on purpose" }),
  open: (options) => new DyingThread(noble.open(options)),
};

export default backend;
