/**
 * The noble backend with two bad habits, chosen by the first byte of an AES key:
 * `BLOCKS` holds the thread up until the guest changes what it finds in its
 * destination, `NEVER_ENDS` leaves operations pending for ever.
 *
 * @module
 */

import noble from "../backends/noble/noble.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";

export const BLOCKS = 1;
export const NEVER_ENDS = 2;
/** Where a test does not release it. */
const MOST_BLOCKED_MS = 20_000;
const LOOK_MS = 2;
/** The first byte of a destination from when its operation is under way. */
export const UNDER_WAY = 0xb5;

class SluggishThread implements BackendThread {
  readonly #inner = noble.open({});
  readonly #habits = new Map<object, number>();

  openSession(description: SessionDescription): object {
    const session = this.#inner.openSession(description);
    const key = "key" in description ? description.key : new Uint8Array(1);
    this.#habits.set(session, key[0]!);
    return session;
  }

  closeSession(session: object): void {
    this.#habits.delete(session);
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) this.#runOne(operations[i]!);
  }

  #runOne(operation: Operation): void {
    const habit = this.#habits.get(operation.session);
    if (habit === NEVER_ENDS || habit === BLOCKS) {
      operation.destination.write(0, Uint8Array.of(UNDER_WAY));
    }
    if (habit === NEVER_ENDS) {
      operation.status = OperationStatus.Pending;
      return;
    }
    if (habit === BLOCKS) block(operation);
    this.#inner.run([operation], 1);
  }

  poll(): number {
    return 0;
  }

  close(): void {
    this.#inner.close();
  }
}

function block({ destination }: Operation): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + MOST_BLOCKED_MS;
  while (destination.copy()[0] === UNDER_WAY && performance.now() < end) {
    Atomics.wait(never, 0, 0, LOOK_MS);
  }
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "sluggish",
  probe: (options) => noble.probe(options),
  open: () => new SluggishThread(),
};

export default backend;
