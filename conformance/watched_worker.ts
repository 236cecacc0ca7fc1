/**
 * Entry of the thread that a backend is examined on by the program: a call of it
 * may never return, and others have to be able to say so.
 *
 * @module
 */

import type {
  AsynchronousThread,
  Backend,
  BackendOptions,
  BackendThread,
} from "../backends/backend.ts";
import { openOperations } from "../backends/burst_operations.ts";
import {
  CallWatch,
  watchedAsynchronous,
  watchedBlocking,
} from "../backends/call_watch.ts";
import { BackendError } from "../backends/contract_check.ts";
import { loadBackend } from "../backends/registry.ts";
import { errorWithPlace } from "../backends/where_thrown.ts";
import { checkBackend } from "./conformance.ts";
import type { AlgorithmReport, ConformanceReport } from "./report.ts";
import { Subjects } from "./subject.ts";

/** What is to be examined. */
export interface WatchedSetup {
  /** Of `CallWatch`. */
  readonly memory: SharedArrayBuffer;
  /** What loads the backend; `plain` is the kit's own. */
  readonly specifier: string;
  readonly backendOptions: BackendOptions;
  readonly seed: number | undefined;
}

/** What the thread tells. */
export type WatchedReport =
  | { readonly tell: "begins"; readonly name: string }
  | { readonly tell: "progress"; readonly entry: AlgorithmReport }
  | { readonly tell: "report"; readonly report: ConformanceReport }
  /** Nothing could be examined; `isMistake`: of whoever called it. */
  | {
    readonly tell: "error";
    readonly reason: string;
    readonly isMistake: boolean;
  };

interface WorkerScope {
  onmessage: ((event: MessageEvent<WatchedSetup>) => void) | null;
  postMessage(report: WatchedReport): void;
}

const scope = self as unknown as WorkerScope;

async function load(specifier: string): Promise<Backend> {
  return specifier === "plain"
    ? (await import("./plain/plain_backend.ts")).default
    : await loadBackend(specifier);
}

const namingBlocking = (
  thread: BackendThread,
  subjects: Subjects,
): BackendThread => ({
  ...thread,
  openSession(description) {
    subjects.opening(description);
    const session = thread.openSession(description);
    subjects.opened(session);
    return session;
  },
  run(operations, count) {
    subjects.using(operations[0]?.session);
    return thread.run(operations, count);
  },
});

const namingAsynchronous = (
  thread: AsynchronousThread,
  subjects: Subjects,
): AsynchronousThread => ({
  ...thread,
  async openSession(description) {
    subjects.opening(description);
    const session = await thread.openSession(description);
    subjects.opened(session);
    return session;
  },
  run(operation) {
    subjects.using(operation.session);
    return thread.run(operation);
  },
});

/** The backend; others see in which call of it this thread is. */
function watched(backend: Backend, watch: CallWatch): Backend {
  const { name, contract } = backend;
  const subjects = new Subjects(watch);
  const probe = (options: BackendOptions) =>
    watch.during("probe()", () => backend.probe(options));
  if (backend.runs === "asynchronous") {
    const open = async (options: BackendOptions) =>
      namingAsynchronous(
        watchedAsynchronous(
          await watch.during("open()", () => backend.open(options)),
          watch,
        ),
        subjects,
      );
    return { ...backend, probe, open };
  }
  const open = (options: BackendOptions) =>
    namingBlocking(
      watchedBlocking(
        watch.during("open()", () => openOperations(backend, options)),
        watch,
      ),
      subjects,
    );
  return { name, contract, runs: "operations", probe, open };
}

async function examine(setup: WatchedSetup): Promise<ConformanceReport> {
  const { memory, specifier, backendOptions, seed } = setup;
  const backend = watched(await load(specifier), new CallWatch(memory));
  return await checkBackend(backend, {
    backendOptions,
    ...(seed !== undefined && { seed }),
    begins: (name) => scope.postMessage({ tell: "begins", name }),
    progress: (entry) => scope.postMessage({ tell: "progress", entry }),
  });
}

scope.onmessage = async ({ data }) => {
  try {
    scope.postMessage({ tell: "report", report: await examine(data) });
  } catch (error) {
    const isMistake = error instanceof BackendError ||
      error instanceof RangeError;
    const reason = error instanceof BackendError
      ? error.message
      : errorWithPlace(error);
    scope.postMessage({ tell: "error", reason, isMistake });
  }
};
