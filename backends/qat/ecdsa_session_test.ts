import { strictEqual } from "node:assert/strict";
import { Bed, HELD_US } from "../../tests/qat_stand_in/bed.ts";
import { standIn } from "../../tests/qat_stand_in/parts.ts";
import { testWith } from "../../testing/real_parts.ts";
import { EC_PRIVATE_KEY, EC_PUBLIC_KEY } from "../../testing/keys.ts";
import { OperationKind, OperationStatus } from "../backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";

const part = standIn();

/** A session of the P-256 test key. */
function open(bed: Bed, keyType: "private" | "public"): object {
  return bed.thread.openSession({
    service: "akcipher",
    algorithm: "ecdsa",
    curve: "p256",
    keyType,
    key: keyType === "private" ? EC_PRIVATE_KEY : EC_PUBLIC_KEY,
  });
}

testWith(
  part,
  "a signature that came to nothing is tried again with another k",
  () => {
    using bed = new Bed(part.libraries);
    const random = new Random(5);
    const digest = random.bytes(32);
    const request = {
      kind: OperationKind.Sign,
      source: digest,
      destinationBytes: 80,
      digestBytes: 0,
    };
    const signing = new Job(request, open(bed, "private"), CONTIGUOUS, random);
    const { executed } = bed.standIn;
    bed.standIn.fault("bad-verify", 3);
    runJobs(bed.thread, [signing]);
    strictEqual(signing.operation.status, OperationStatus.Ok);
    strictEqual(bed.standIn.executed, executed + 4);
    // The stand-in has looked at each k.
    strictEqual(bed.standIn.violations, 0);
    const verification = new Job(
      {
        kind: OperationKind.Verify,
        source: signing.result().destination,
        additionalData: digest,
        destinationBytes: 0,
        digestBytes: 0,
      },
      open(bed, "public"),
      CONTIGUOUS,
      random,
    );
    runJobs(bed.thread, [verification]);
    strictEqual(verification.operation.status, OperationStatus.Ok);
  },
);

testWith(
  part,
  "public-key requests in flight at a fatal error are unavailable",
  () => {
    using bed = new Bed(part.libraries, { LATENCY_US: HELD_US });
    const session = open(bed, "private");
    const random = new Random(6);
    const jobs = Array.from({ length: 5 }, () =>
      new Job(
        {
          kind: OperationKind.Sign,
          source: random.bytes(32),
          destinationBytes: 80,
          digestBytes: 0,
        },
        session,
        CONTIGUOUS,
        random,
      ));
    bed.start(jobs);
    bed.standIn.fault("fatal");
    bed.finish(jobs);
    for (const job of jobs) {
      strictEqual(job.operation.status, OperationStatus.Unavailable);
      strictEqual(job.findChange(), undefined);
    }
    // The key stays as long as the hardware may read it, and no longer.
    bed.thread.closeSession(session);
    const { blocks } = bed.standIn;
    bed.standIn.fault("restart");
    bed.recover();
    strictEqual(bed.standIn.blocks, blocks - 1);
    bed.close();
    strictEqual(bed.standIn.blocks, 0);
  },
);

testWith(part, "a key's memory goes with its session, used or not", () => {
  using bed = new Bed(part.libraries);
  const { blocks } = bed.standIn;
  const random = new Random(6);
  const [used, unused] = [open(bed, "private"), open(bed, "public")];
  strictEqual(bed.standIn.blocks, blocks + 2);
  const signing = new Job(
    {
      kind: OperationKind.Sign,
      source: random.bytes(32),
      destinationBytes: 80,
      digestBytes: 0,
    },
    used,
    CONTIGUOUS,
    random,
  );
  runJobs(bed.thread, [signing]);
  strictEqual(signing.operation.status, OperationStatus.Ok);
  for (const session of [used, unused]) bed.thread.closeSession(session);
  strictEqual(bed.standIn.blocks, blocks);
});
