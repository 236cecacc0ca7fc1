import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { standIn } from "../../tests/qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import { StoppedClock } from "../../testing/stopped_clock.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import qat from "./qat.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import {
  Bed,
  check,
  countOf,
  HELD_US,
  isPending,
} from "../../tests/qat_stand_in/bed.ts";

const part = standIn();
const { libraries } = part;

testWith(part, "a full ring makes requests wait, and none is lost", () => {
  using bed = new Bed(libraries, { RING: 8, LATENCY_US: 300 });
  const jobs = bed.encryptions(bed.open(), 400);
  bed.start(jobs);
  ok(jobs.some(isPending));
  bed.finish(jobs);
  strictEqual(countOf(jobs, OperationStatus.Ok), 400);
  jobs.forEach(check);
  strictEqual(bed.standIn.violations, 0);
});

testWith(part, "requests that the ring refuses are tried again", () => {
  using bed = new Bed(libraries);
  bed.standIn.fault("retry", 5);
  const jobs = bed.encryptions(bed.open(), 3);
  bed.run(jobs);
  strictEqual(countOf(jobs, OperationStatus.Ok), 3);
  jobs.forEach(check);
});

testWith(part, "answers in another order reach their own requests", () => {
  using bed = new Bed(libraries, { ORDER: "shuffle", LATENCY_US: 100 });
  const sessions = Array.from({ length: 20 }, () => bed.open());
  const jobs = sessions.flatMap((session, i) =>
    bed.encryptions(session, 5, 16 * (i + 1))
  );
  bed.run(jobs);
  strictEqual(countOf(jobs, OperationStatus.Ok), 100);
  jobs.forEach(check);
  strictEqual(bed.standIn.violations, 0);
});

testWith(part, "a request that fails leaves its output as it was", () => {
  using bed = new Bed(libraries);
  const session = bed.open();
  bed.standIn.fault("fail", 1);
  const jobs = bed.encryptions(session, 4);
  bed.run(jobs);
  strictEqual(countOf(jobs, OperationStatus.Unavailable), 1);
  strictEqual(countOf(jobs, OperationStatus.Ok), 3);
  jobs.forEach(check);
  strictEqual(bed.thread.health!(), undefined);
});

testWith(
  part,
  "a lost answer is given up in time, its memory is not used again",
  () => {
    using bed = new Bed(libraries, {}, { "deadline-ms": "50" });
    const session = bed.open();
    bed.standIn.fault("lose", 2);
    const jobs = bed.encryptions(session, 6);
    {
      using clock = new StoppedClock();
      bed.start(jobs);
      clock.pass(49);
      bed.thread.poll!();
      strictEqual(countOf(jobs, OperationStatus.Ok), 4);
      strictEqual(countOf(jobs, OperationStatus.Pending), 2);
      clock.pass(1);
      bed.thread.poll!();
    }
    strictEqual(countOf(jobs, OperationStatus.Unavailable), 2);
    jobs.forEach(check);
    // More requests than there are slots: the stand-in sees a slot used twice.
    for (let i = 0; i < 10; i++) bed.run(bed.encryptions(session, 60));
    strictEqual(bed.standIn.violations, 0);
  },
);

testWith(part, "when too many answers are lost the backend says so", () => {
  using bed = new Bed(libraries, {}, { "deadline-ms": "20" });
  const jobs = bed.encryptions(bed.open(), 40);
  bed.standIn.fault("lose", 40);
  bed.run(jobs);
  strictEqual(countOf(jobs, OperationStatus.Unavailable), 40);
  match(bed.thread.health!()!, /40 requests have not been answered/);
});

testWith(
  part,
  "after a fatal error everything in flight is unavailable, once",
  () => {
    using bed = new Bed(libraries, { LATENCY_US: HELD_US });
    const session = bed.open();
    const jobs = bed.encryptions(session, 30);
    bed.start(jobs);
    bed.standIn.fault("fatal");
    bed.finish(jobs);
    strictEqual(countOf(jobs, OperationStatus.Unavailable), 30);
    jobs.forEach(check);
    match(bed.thread.health!()!, /restart/);
    const more = bed.encryptions(session, 3);
    bed.start(more);
    strictEqual(countOf(more, OperationStatus.Unavailable), 3);
    more.forEach(check);
  },
);

for (const completes of [0, 1]) {
  const library = completes ? "as 26.08" : "as 24.02";
  testWith(part, `a restarted device is used again, ${library}`, () => {
    using bed = new Bed(libraries, {
      LATENCY_US: HELD_US,
      COMPLETES_AFTER_FATAL: completes,
    });
    for (let round = 0; round < 3; round++) {
      const session = bed.open();
      const jobs = bed.encryptions(session, 100);
      bed.start(jobs);
      bed.standIn.fault("fatal");
      bed.finish(jobs);
      strictEqual(countOf(jobs, OperationStatus.Unavailable), 100);
      jobs.forEach(check);
      bed.standIn.fault("latency-us", 100);
      ok(bed.thread.health!() !== undefined);
      bed.standIn.fault("restart");
      bed.recover();
      bed.thread.closeSession(session);
      const again = bed.encryptions(bed.open(), 200);
      bed.run(again);
      strictEqual(countOf(again, OperationStatus.Ok), 200);
      again.forEach(check);
      bed.standIn.fault("latency-us", HELD_US);
    }
    strictEqual(bed.standIn.violations, 0);
  });
}

testWith(
  part,
  "a failure that another thread noticed first is noticed by a submission",
  () => {
    using bed = new Bed(libraries);
    const other = qat.open({ ...libraries });
    const session = bed.open();
    bed.run(bed.encryptions(session, 1));
    bed.standIn.fault("fatal");
    ok(other.health!() !== undefined);
    const jobs = bed.encryptions(session, 20);
    bed.start(jobs);
    strictEqual(countOf(jobs, OperationStatus.Unavailable), 20);
    jobs.forEach(check);
    bed.standIn.fault("restart");
    bed.recover();
    const again = bed.encryptions(bed.open(), 20);
    bed.run(again);
    strictEqual(countOf(again, OperationStatus.Ok), 20);
    other.close();
  },
);

testWith(part, "sessions cannot be opened while the device restarts", () => {
  using bed = new Bed(libraries);
  bed.standIn.fault("fatal");
  ok(bed.thread.health!() !== undefined);
  let thrown: unknown;
  try {
    bed.open();
  } catch (error) {
    thrown = error;
  }
  ok(thrown instanceof Error);
  bed.standIn.fault("restart");
  bed.recover();
  const jobs = bed.encryptions(bed.open(), 5);
  bed.run(jobs);
  strictEqual(countOf(jobs, OperationStatus.Ok), 5);
});

testWith(
  part,
  "a digest that the device does not find right is a wrong tag",
  () => {
    using bed = new Bed(libraries);
    const description = {
      service: "aead",
      algorithm: "gcm",
      key: new Uint8Array(16),
      tagBytes: 16,
    } as const;
    const encryptor = bed.thread.openSession({
      ...description,
      direction: "encrypt",
    });
    const decryptor = bed.thread.openSession({
      ...description,
      direction: "decrypt",
    });
    const random = new Random(3);
    const common = {
      iv: random.bytes(12),
      source: random.bytes(40),
      additionalData: random.bytes(13),
      destinationBytes: 40,
      digestBytes: 16,
    };
    const request = { ...common, kind: OperationKind.Encrypt };
    const sealed = new Job(request, encryptor, CONTIGUOUS, random);
    runJobs(bed.thread, [sealed]);
    const { destination: source, digest: tag } = sealed.result();
    const opened = { ...common, kind: OperationKind.Decrypt, source, tag };
    bed.standIn.fault("bad-verify");
    const statuses = [1, 2].map(() => {
      const job = new Job(opened, decryptor, CONTIGUOUS, random);
      runJobs(bed.thread, [job]);
      return job.operation.status;
    });
    deepStrictEqual(statuses, [OperationStatus.BadTag, OperationStatus.Ok]);
  },
);

testWith(part, "closing gives all pinned memory back", () => {
  using bed = new Bed(libraries);
  for (let i = 0; i < 50; i++) bed.run(bed.encryptions(bed.open(), 10));
  bed.close();
  strictEqual(bed.standIn.blocks, 0);
});

testWith(
  part,
  "memory that the device may still write to is not given back",
  () => {
    using bed = new Bed(libraries, {}, { "deadline-ms": "20" });
    bed.standIn.fault("lose", 1);
    bed.run(bed.encryptions(bed.open(), 2));
    bed.close();
    // The slots, and the session whose request never came back.
    strictEqual(bed.standIn.blocks, 2);
  },
);

testWith(part, "data of more than 65535 bytes go elsewhere", () => {
  using bed = new Bed(libraries);
  const [long, short] = [65536, 65520].map((lengthBytes) =>
    bed.encryptions(bed.open(), 1, lengthBytes)[0]!
  );
  bed.run([long!, short!]);
  strictEqual(long!.operation.status, OperationStatus.Elsewhere);
  strictEqual(short!.operation.status, OperationStatus.Ok);
  check(long!);
  check(short!);
});
