/**
 * A backend on the thread of rings that takes its time with what is longer than
 * 1000 bytes. Its cipher turns every bit over.
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

/** What a long operation takes. */
const PLODDING_MS = 30;

function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const open = (): BackendThread => ({
  openSession: () => ({}),
  closeSession() {},
  run(operations: readonly Operation[], count: number) {
    for (const operation of operations.slice(0, count)) {
      const { source, destination } = operation;
      if (source.totalBytes > 1000) work(PLODDING_MS);
      destination.write(0, source.copy().map((byte) => byte ^ 0xff));
      operation.writtenBytes = source.totalBytes;
      operation.status = OperationStatus.Ok;
    }
  },
  close() {},
});

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "plodding",
  runs: "operations",
  probe: () => ({
    ready: true,
    version: "1",
    offers: [{ algorithm: "cipher.aes-cbc" }],
    missing: [],
    notOffered: {},
  }),
  open,
};

export default backend;
