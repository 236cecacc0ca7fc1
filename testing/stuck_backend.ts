/**
 * The noble backend, whose `run` does not return while a variable of the
 * environment, which all threads of the process have in common, says so.
 *
 * @module
 */

import noble from "../backends/noble/noble.ts";
import { type OperationsBackend } from "../backends/backend.ts";

const VARIABLE = "VHOST_CRYPTO_TEST_STUCK";
const LOOK_MS = 20;
const word = new Int32Array(new SharedArrayBuffer(4));

/** Whether calls do not return from now on. */
export function setStuck(isStuck: boolean): void {
  if (isStuck) Deno.env.set(VARIABLE, "yes");
  else Deno.env.delete(VARIABLE);
}

const backend: OperationsBackend = {
  contract: 2,
  name: "stuck",
  probe: (options) => noble.probe(options),
  open(options) {
    const thread = noble.open(options);
    return {
      ...thread,
      openSession: (description) => thread.openSession(description),
      closeSession: (session) => thread.closeSession(session),
      run(operations, count) {
        while (Deno.env.get(VARIABLE)) Atomics.wait(word, 0, 0, LOOK_MS);
        thread.run(operations, count);
      },
      close: () => thread.close(),
    };
  },
};

export default backend;
