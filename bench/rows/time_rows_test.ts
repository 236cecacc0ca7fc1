import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { middleCurve, secondsToBest } from "./time_rows.ts";

const curve = (slow: number): number[] =>
  Array.from({ length: 50 }, (_, slice) => slice < slow ? 100 : 1000);

Deno.test("a device is at its best from the first slice that is nearly as fast as the last second", () => {
  strictEqual(secondsToBest(curve(0)), 0.1);
  strictEqual(secondsToBest(curve(12)).toFixed(1), "1.3");
  const nearly = curve(12);
  nearly[5] = 949;
  strictEqual(secondsToBest(nearly).toFixed(1), "1.3");
  nearly[5] = 951;
  strictEqual(secondsToBest(nearly).toFixed(1), "0.6");
});

Deno.test("slices without a window are neither fast nor slow", () => {
  const gaps = curve(12).map((rate, slice) => slice % 3 === 0 ? 0 : rate);
  strictEqual(secondsToBest(gaps).toFixed(1), "1.4");
  strictEqual(secondsToBest(curve(0).map(() => 0)), NaN);
  deepStrictEqual(middleCurve([[0, 5, 0], [7, 6, 0], [9, 0, 0]]), [9, 6, NaN]);
});
