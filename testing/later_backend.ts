/**
 * The noble backend, which does operations when it is polled, one at a time, the
 * last one first.
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

/** What tests see of it, and tell it. */
export const later = {
  /** Operations that were pending at the same time. */
  most: 0,
  /** The next poll throws. */
  fails: false,
};

function open(): BackendThread {
  const thread = noble.open({});
  const waiting: Operation[] = [];
  return {
    openSession: (description) => thread.openSession(description),
    closeSession: (session) => thread.closeSession(session),
    run(operations, count) {
      for (const operation of operations.slice(0, count)) {
        operation.status = OperationStatus.Pending;
        waiting.push(operation);
      }
      later.most = Math.max(later.most, waiting.length);
    },
    poll() {
      if (later.fails) {
        later.fails = false;
        waiting.length = 0;
        throw new Error("The backend has failed");
      }
      const operation = waiting.pop();
      if (operation) thread.run([operation], 1);
      return operation ? 1 : 0;
    },
    close: () => thread.close(),
  };
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "later",
  probe: (options) => noble.probe(options),
  open,
};

export default backend;
