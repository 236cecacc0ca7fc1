import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MOST_SERIES, OTHER_ALGORITHMS, WorkSeries } from "./work_series.ts";

const hash = (algorithm: string) =>
  ({ service: "hash", algorithm, resultBytes: 1 }) as never;

Deno.test("work of one kind has one index, and each new kind is told once", () => {
  const told: unknown[] = [];
  const series = new WorkSeries(
    undefined,
    (index, kind) => told.push([index, kind]),
  );
  strictEqual(series.indexOf("noble", hash("sha256")), 0);
  strictEqual(series.indexOf("openssl", hash("sha256")), 1);
  strictEqual(series.indexOf("noble", hash("sha256")), 0);
  const common = { service: "hash", algorithm: "sha256" };
  deepStrictEqual(told, [
    [0, { backend: "noble", ...common }],
    [1, { backend: "openssl", ...common }],
  ]);
});

Deno.test("a guest that makes up kinds has the last index for the rest of them", () => {
  const series = new WorkSeries();
  for (let i = 0; i < 2 * MOST_SERIES; i++) {
    const index = series.indexOf("noble", hash(`h${i}`));
    strictEqual(index, Math.min(i, MOST_SERIES - 1));
  }
  strictEqual(series.kinds.length, MOST_SERIES);
  strictEqual(series.kinds.at(-1)!.algorithm, OTHER_ALGORITHMS);
  strictEqual(series.indexOf("noble", hash("h0")), 0);
});
