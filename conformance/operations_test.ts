import {
  deepStrictEqual,
  notDeepStrictEqual,
  strictEqual,
} from "node:assert/strict";
import {
  type BackendThread,
  type Operation,
  OperationKind,
} from "../backends/backend.ts";
import { OverlapCheck } from "../backends/overlap.ts";
import { shareBytes } from "../testing/shared_bytes.ts";
import { cut } from "./guarded_memory.ts";
import { ALL_LAYOUTS } from "./lengths.ts";
import {
  type Arrangement,
  ARRANGEMENTS,
  Job,
  type Request,
  runJobs,
} from "./operations.ts";
import { Random } from "./random.ts";

const request: Request = {
  kind: OperationKind.Encrypt,
  iv: Uint8Array.of(1, 2, 3),
  source: Uint8Array.from({ length: 50 }, (_, i) => i),
  additionalData: Uint8Array.of(0, 1, 2),
  destinationBytes: 50,
  digestBytes: 4,
};

Deno.test("Random repeats itself from a seed", () => {
  const numbers = (seed: number) => [...new Random(seed).bytes(20)];
  deepStrictEqual(numbers(5), numbers(5));
  notDeepStrictEqual(numbers(5), numbers(6));
});

Deno.test("Random.integer() stays below its limit and reaches it", () => {
  const random = new Random(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.integer(4)));
  deepStrictEqual([...seen].sort(), [0, 1, 2, 3]);
});

Deno.test("cut() makes pieces that add up", () => {
  const random = new Random(2);
  for (const pieces of ["whole", "random", "single-bytes"] as const) {
    for (const total of [0, 1, 30]) {
      const lengths = cut(random, total, pieces);
      strictEqual(lengths.reduce((sum, n) => sum + n, 0), total);
    }
  }
});

/** Which lists of the request have bytes in common. */
const SHARED: Readonly<Record<Arrangement, readonly string[]>> = {
  "apart": [],
  "in-place": ["destination source"],
  "adjacent": ["destination source"],
  "inputs-shared": ["additionalData source"],
  "shifted": ["destination source"],
  "crossed": ["destination source"],
  "additional-covered": ["destination additionalData"],
  // The request has no tag.
  "tag-covered": [],
  "digest-on-source": ["digest source"],
};

const PAIRS = [
  ["destination", "source"],
  ["additionalData", "source"],
  ["destination", "additionalData"],
  ["destination", "digest"],
  ["digest", "source"],
  ["digest", "additionalData"],
] as const;

const sharedBy = (operation: Operation): string[] =>
  PAIRS.filter(([a, b]) => shareBytes(operation[a], operation[b]))
    .map((pair) => pair.join(" "));

Deno.test("Job places the request's bytes in every layout", () => {
  const random = new Random(3);
  for (const layout of ALL_LAYOUTS) {
    const { operation } = new Job(request, {}, layout, random);
    deepStrictEqual([...operation.source.copy()], [...request.source]);
    deepStrictEqual([...operation.additionalData.copy()], [0, 1, 2]);
    deepStrictEqual([...operation.iv.subarray(0, operation.ivBytes)], [
      1,
      2,
      3,
    ]);
    strictEqual(operation.destination.totalBytes, 50);
    strictEqual(operation.digest.totalBytes, 4);
    deepStrictEqual(sharedBy(operation), SHARED[layout.arrangement]);
    const { arrangement } = layout;
    strictEqual(
      new OverlapCheck().isEntangled(operation, false),
      arrangement !== "tag-covered" &&
        ARRANGEMENTS.indexOf(arrangement) >= ARRANGEMENTS.indexOf("shifted"),
      arrangement,
    );
  }
});

Deno.test("Job lays a destination over a tag", () => {
  const random = new Random(6);
  const sealed = { ...request, tag: Uint8Array.of(6, 6, 6, 6) };
  for (const pieces of ["whole", "random"] as const) {
    const layout = { pieces, arrangement: "tag-covered" } as const;
    const { operation } = new Job(sealed, {}, layout, random);
    deepStrictEqual([...operation.digest.copy()], [6, 6, 6, 6]);
    deepStrictEqual(sharedBy(operation), ["destination digest"]);
  }
});

Deno.test("Job tells writes to its output from any other", () => {
  const random = new Random(4);
  for (const layout of ALL_LAYOUTS) {
    const job = new Job(request, {}, layout, random);
    const { destination, digest } = job.operation;
    destination.fill(0, 50, 0x55);
    digest.fill(0, 4, 0x55);
    strictEqual(job.findDamage(), undefined);
    const last = digest.count - 1;
    const end = digest.offset(last) + digest.lengthBytes(last);
    digest.region(last).bytes[end]! ^= 1;
    strictEqual(typeof job.findDamage(), "string");
  }
});

Deno.test("runJobs() hands over all jobs in one burst", () => {
  const random = new Random(5);
  const counts: number[] = [];
  const thread = {
    run(operations, count) {
      counts.push(count);
      for (const operation of operations) operation.status = 0;
    },
  } as Partial<BackendThread> as BackendThread;
  const [layout] = ALL_LAYOUTS;
  runJobs(thread, [1, 2].map(() => new Job(request, {}, layout!, random)));
  deepStrictEqual(counts, [2]);
});
