/**
 * The noble backend in a library that crashes: data or a key that begins with
 * `DEADLY` ends the process.
 *
 * @module
 */

import {
  type BackendThread,
  CONTRACT_VERSION,
  type OperationsBackend,
} from "../backends/backend.ts";
import noble from "../backends/noble/noble.ts";

/** What no process outlives. */
export const DEADLY = 0xdd;

function openThread(): BackendThread {
  const inner = noble.open({});
  const first = new Uint8Array(1);
  return {
    openSession(description) {
      const isDeadly = "key" in description && description.key[0] === DEADLY;
      if (isDeadly) Deno.kill(Deno.pid, "SIGKILL");
      return inner.openSession(description);
    },
    closeSession: (session) => inner.closeSession(session),
    run(operations, count) {
      for (let i = 0; i < count; i++) {
        operations[i]!.source.read(0, first);
        if (first[0] === DEADLY) Deno.kill(Deno.pid, "SIGKILL");
      }
      return inner.run(operations, count);
    },
    close: () => inner.close(),
  } as BackendThread;
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "deadly",
  probe: (options) => noble.probe(options),
  open: openThread,
};

export default backend;
