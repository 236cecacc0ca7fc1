/**
 * Examines a backend on a thread of its own, and says which call of it does not
 * return.
 *
 * @module
 */

import type { BackendOptions } from "../backends/backend.ts";
import { CallWatch, createWatchMemory } from "../backends/call_watch.ts";
import { BackendError } from "../backends/contract_check.ts";
import type { AlgorithmReport, ConformanceReport } from "./report.ts";
import { nameOfSubject } from "./subject.ts";
import type { WatchedReport, WatchedSetup } from "./watched_worker.ts";

/** How long one call of a backend may take. Large keys take seconds. */
const CALL_MS = 30_000;
const LOOK_MS = 500;

/** What is examined. */
export interface WatchedOptions {
  /** What loads the backend; `plain` is the kit's own. */
  readonly specifier: string;
  readonly backendOptions: BackendOptions;
  readonly seed: number | undefined;
  /** Hears of each algorithm or group when it is done with. */
  progress(entry: AlgorithmReport): void;
  /** Default: {@linkcode CALL_MS}. */
  readonly callMs?: number;
}

/** What has not returned, as what failed. */
const stuckEntry = (
  algorithm: string,
  check: string,
  actual: string,
): AlgorithmReport => ({
  algorithm,
  outcome: "fail",
  reason: "",
  checks: 1,
  failureCount: 1,
  failures: [{ check, expected: "an end", actual }],
});

/**
 * The report; undefined where a call has not returned, of which `progress` has
 * heard.
 *
 * @throws {BackendError} where the backend cannot be loaded or examined at all
 */
export async function checkWatched(
  options: WatchedOptions,
): Promise<ConformanceReport | undefined> {
  const { progress, callMs = CALL_MS, ...rest } = options;
  const memory = createWatchMemory();
  const watch = new CallWatch(memory, callMs);
  const worker = new Worker(new URL("./watched_worker.ts", import.meta.url), {
    type: "module",
  });
  let name = "probe()";
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setInterval(() => {
        const call = watch.isStuck ? watch.takeStuckCall() : undefined;
        if (call === undefined) return;
        const about = nameOfSubject(watch.subject);
        progress(stuckEntry(name, about ?? name, call));
        resolve(undefined);
      }, LOOK_MS);
      worker.onmessage = ({ data }: MessageEvent<WatchedReport>) => {
        switch (data.tell) {
          case "begins":
            name = data.name;
            return;
          case "progress":
            return progress(data.entry);
          case "report":
            return resolve(data.report);
          case "error": {
            const { isMistake, reason } = data;
            return reject(new (isMistake ? BackendError : Error)(reason));
          }
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        const { message, filename, lineno } = event;
        reject(new Error(`${message} (${filename}:${lineno})`));
      };
      worker.postMessage({ memory, ...rest } satisfies WatchedSetup);
    });
  } finally {
    clearInterval(timer);
    worker.terminate();
  }
}
