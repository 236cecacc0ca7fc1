/**
 * The noble backend with faults that a test puts into its methods. Imported with
 * a query (`faulty_backend.ts?second`) it is another backend of that name with
 * faults of its own.
 *
 * @module
 */

import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
} from "../backends/backend.ts";
import noble from "../backends/noble/noble.ts";

/** What happens instead of a method; `inner` does what is right. */
export interface Faults {
  probe?(): unknown;
  open?(): unknown;
  openSession?(description: SessionDescription, inner: BackendThread): unknown;
  closeSession?(session: object, inner: BackendThread): unknown;
  run?(operations: readonly Operation[], inner: BackendThread): unknown;
  close?(inner: BackendThread): unknown;
  /** A thread has these two where they are there when it is opened. */
  poll?: unknown;
  health?: unknown;
}

/** What a test sees of this module. */
export interface FaultyModule {
  readonly default: OperationsBackend;
  readonly faults: Faults;
}

/** The present faults of all threads of this module. */
export const faults: Faults = {};

function openThread(): BackendThread {
  const inner = noble.open({});
  const late = (name: "poll" | "health") =>
    name in faults
      ? {
        [name]: typeof faults[name] === "function"
          ? () => (faults[name] as () => unknown)()
          : faults[name],
      }
      : {};
  return {
    openSession: (description) =>
      faults.openSession
        ? faults.openSession(description, inner)
        : inner.openSession(description),
    closeSession: (session) =>
      faults.closeSession
        ? faults.closeSession(session, inner)
        : inner.closeSession(session),
    run: (operations, count) =>
      faults.run
        ? faults.run(operations.slice(0, count), inner)
        : inner.run(operations, count),
    close: () => faults.close ? faults.close(inner) : inner.close(),
    ...late("poll"),
    ...late("health"),
  } as BackendThread;
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: new URL(import.meta.url).search.slice(1) || "faulty",
  probe: (options) =>
    (faults.probe ? faults.probe() : noble.probe(options)) as ReturnType<
      OperationsBackend["probe"]
    >,
  open: () => (faults.open ? faults.open() : openThread()) as BackendThread,
};

export default backend;
