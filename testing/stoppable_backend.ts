/**
 * The noble backend, out of order while a file exists; its option `stopFile`
 * names the file, so that threads of their own see it too.
 *
 * @module
 */

import noble from "../backends/noble/noble.ts";
import {
  type BackendThread,
  CONTRACT_VERSION,
  type Operation,
  type OperationsBackend,
} from "../backends/backend.ts";
import type { SessionDescription } from "../algorithms/session_description.ts";

class StoppableThread implements BackendThread {
  readonly #inner: BackendThread;
  readonly #stopFile: string;

  constructor(inner: BackendThread, stopFile: string) {
    this.#inner = inner;
    this.#stopFile = stopFile;
  }

  openSession(description: SessionDescription): object {
    return this.#inner.openSession(description);
  }

  closeSession(session: object): void {
    this.#inner.closeSession(session);
  }

  run(operations: readonly Operation[], count: number): void {
    if (this.health() !== undefined) throw new Error("the backend is stopped");
    this.#inner.run(operations, count);
  }

  health(): string | undefined {
    try {
      Deno.statSync(this.#stopFile);
      return "the backend is stopped";
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#inner.close();
  }
}

const backend: OperationsBackend = {
  contract: CONTRACT_VERSION,
  name: "stoppable",
  probe: (options) => noble.probe(options),
  open: (options) =>
    new StoppableThread(noble.open({}), options["stopFile"] ?? ""),
};

export default backend;
