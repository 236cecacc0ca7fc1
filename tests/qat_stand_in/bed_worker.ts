/**
 * A queue thread for tests: it opens the backend and runs bursts.
 *
 * @module
 */

import type { Libraries } from "./parts.ts";
import { OperationKind, OperationStatus } from "../../backends/backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import qat from "../../backends/qat/qat.ts";
import { check, KEY } from "./bed.ts";

/** What the thread is to do. */
export interface WorkerTask {
  readonly libraries: Libraries;
  readonly seed: number;
  readonly bursts: number;
}

/** What came of it. */
export interface WorkerResult {
  readonly ok: number;
  readonly wrong: number;
}

const JOBS_PER_BURST = 40;

function work({ libraries, seed, bursts }: WorkerTask): WorkerResult {
  const thread = qat.open({ ...libraries });
  const random = new Random(seed);
  const result = { ok: 0, wrong: 0 };
  for (let burst = 0; burst < bursts; burst++) {
    const session = thread.openSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: KEY,
    });
    const jobs = Array.from({ length: JOBS_PER_BURST }, () => {
      const lengthBytes = 16 * (1 + random.integer(300));
      const request = {
        kind: OperationKind.Encrypt,
        iv: random.bytes(16),
        source: random.bytes(lengthBytes),
        destinationBytes: lengthBytes,
        digestBytes: 0,
      };
      return new Job(request, session, CONTIGUOUS, random);
    });
    runJobs(thread, jobs);
    for (const job of jobs) judge(job, result);
    thread.closeSession(session);
  }
  thread.close();
  return result;
}

function judge(job: Job, result: { ok: number; wrong: number }): void {
  try {
    check(job);
    if (job.operation.status === OperationStatus.Ok) result.ok++;
    else result.wrong++;
  } catch {
    result.wrong++;
  }
}

self.onmessage = ({ data }: MessageEvent<WorkerTask>) =>
  self.postMessage(work(data));

declare const self: DedicatedWorkerLike;

interface DedicatedWorkerLike {
  onmessage: ((event: MessageEvent<WorkerTask>) => void) | null;
  postMessage(message: WorkerResult): void;
}
