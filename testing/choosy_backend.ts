/**
 * The noble backend, which leaves requests of more than `LONGEST_BYTES` to
 * another one.
 *
 * @module
 */

import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
  OperationStatus,
} from "../backends/backend.ts";
import noble from "../backends/noble/noble.ts";

const LONGEST_BYTES = 100;

/** Requests that it has done and left, on this thread. */
export const counts = { done: 0, left: 0 };

function runSome(
  thread: BackendThread,
  operations: readonly Operation[],
  count: number,
): void {
  for (const operation of operations.slice(0, count)) {
    if (operation.source.totalBytes > LONGEST_BYTES) {
      operation.status = OperationStatus.Elsewhere;
      counts.left++;
    } else {
      thread.run([operation], 1);
      counts.done++;
    }
  }
}

const choosy: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "choosy",
  probe: (options) => noble.probe(options),
  open(options) {
    const thread = noble.open(options);
    return {
      openSession: (description) => thread.openSession(description),
      closeSession: (session) => thread.closeSession(session),
      run: (operations, count) => runSome(thread, operations, count),
      close: () => thread.close(),
    };
  },
};

export default choosy;
