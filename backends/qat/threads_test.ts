import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  nativeCompletion,
  scriptCompletion,
} from "../../ffi/qat_completion.ts";
import { StandIn } from "../../tests/qat_stand_in/control.ts";
import { standIn } from "../../tests/qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import { OperationStatus } from "../backend.ts";
import { openWith } from "./qat.ts";
import { Bed, check, countOf, KEY } from "../../tests/qat_stand_in/bed.ts";
import type {
  WorkerResult,
  WorkerTask,
} from "../../tests/qat_stand_in/bed_worker.ts";

const part = standIn();
const { libraries } = part;

/** Runs a task on a thread of its own. */
function onWorker(task: WorkerTask): Promise<WorkerResult> {
  const worker = new Worker(
    import.meta.resolve("../../tests/qat_stand_in/bed_worker.ts"),
    {
      type: "module",
    },
  );
  return new Promise<WorkerResult>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(task);
  }).finally(() => worker.terminate());
}

testWith(
  part,
  "more threads than instances share them, each with its own answers",
  async () => {
    using standIn = new StandIn(libraries, {
      INSTANCES: 2,
      START_MS: 300,
      ORDER: "shuffle",
      LATENCY_US: 50,
      RING: 64,
    });
    const tasks = Array.from({ length: 4 }, (_, seed) => ({
      libraries,
      seed,
      bursts: 6,
    }));
    const results = await Promise.all(tasks.map(onWorker));
    deepStrictEqual(results, tasks.map(() => ({ ok: 6 * 40, wrong: 0 })));
    strictEqual(standIn.violations, 0);
    strictEqual(standIn.blocks, 0);
  },
);

testWith(
  part,
  "the callback in JavaScript tells the same as the machine code",
  () => {
    using bed = new Bed(libraries);
    const completion = scriptCompletion();
    ok(!completion.isNative);
    const thread = openWith({ ...libraries }, completion);
    const session = thread.openSession({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key: Uint8Array.from({ length: 16 }, (_, i) => 3 * i),
    });
    const jobs = bed.encryptions(session, 60);
    thread.run(jobs.map(({ operation }) => operation), jobs.length);
    while (countOf(jobs, OperationStatus.Pending) > 0) thread.poll();
    strictEqual(countOf(jobs, OperationStatus.Ok), 60);
    jobs.forEach(check);
    thread.close();
  },
);

testWith(part, "a device with one service offers that service only", () => {
  for (const [services, service] of [[1, "cipher"], [2, "akcipher"]] as const) {
    using _standIn = new StandIn(libraries, { SERVICES: services });
    const thread = openWith({ ...libraries });
    const open = (description: Parameters<typeof thread.openSession>[0]) => {
      try {
        thread.closeSession(thread.openSession(description));
        return true;
      } catch {
        return false;
      }
    };
    const key = new Uint8Array(16);
    const cipher = open({
      service: "cipher",
      algorithm: "aes-cbc",
      direction: "encrypt",
      key,
    });
    strictEqual(cipher, service === "cipher");
    thread.close();
  }
});

for (const lost of [0, 1]) {
  testWith(
    part,
    lost === 0
      ? "closing gives callback and memory back"
      : "closing keeps callback and memory of an answer that may still come",
    () => {
      using bed = new Bed(libraries);
      bed.close();
      const { pointer, isNative } = nativeCompletion() ?? scriptCompletion();
      let closed = 0;
      const thread = openWith({ ...libraries, "deadline-ms": "20" }, {
        pointer,
        isNative,
        close: () => closed++,
      });
      const session = thread.openSession({
        service: "cipher",
        algorithm: "aes-cbc",
        direction: "encrypt",
        key: KEY,
      });
      const jobs = bed.encryptions(session, 4);
      if (lost > 0) bed.standIn.fault("lose", lost);
      thread.run(jobs.map(({ operation }) => operation), jobs.length);
      while (countOf(jobs, OperationStatus.Pending) > 0) thread.poll();
      strictEqual(countOf(jobs, OperationStatus.Ok), 4 - lost);
      strictEqual(closed, 0);
      thread.close();
      strictEqual(closed, lost === 0 ? 1 : 0);
      strictEqual(bed.standIn.blocks > 0, lost > 0, `${bed.standIn.blocks}`);
      strictEqual(bed.standIn.violations, 0);
    },
  );
}
