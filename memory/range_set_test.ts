import { strictEqual } from "node:assert/strict";
import { Random } from "../conformance/random.ts";
import { RANGE_WORDS } from "./range_lists.ts";
import { areOutputsApart, RangeSet, rangesMeet } from "./range_set.ts";

type Range = readonly [region: number, offset: number, lengthBytes: number];

function setOf(ranges: readonly Range[]): RangeSet {
  const set = new RangeSet();
  for (const range of ranges) set.add(...range);
  return set;
}

const meet = (a: Range, b: Range): boolean =>
  a[0] === b[0] && rangesMeet(a[1], a[2], b[1], b[2]);

Deno.test("rangesMeet() is true from the first to the last byte in common", () => {
  for (let shift = -6; shift <= 6; shift++) {
    strictEqual(rangesMeet(10, 4, 10 + shift, 5), shift > -5 && shift < 4);
  }
  strictEqual(rangesMeet(2 ** 31 - 9, 8, 2 ** 31 - 2, 1), true);
});

Deno.test("a set tells ranges that touch from ranges that share a byte", () => {
  strictEqual(setOf([]).sort(), true);
  strictEqual(setOf([[0, 8, 4], [0, 4, 4], [0, 12, 1]]).sort(), true);
  strictEqual(setOf([[0, 8, 4], [0, 4, 5]]).sort(), false);
  strictEqual(setOf([[0, 0, 100], [0, 50, 1]]).sort(), false);
  strictEqual(setOf([[0, 8, 4], [0, 8, 4]]).sort(), false);
});

Deno.test("a set tells the same offsets in different regions apart", () => {
  const far = 2 ** 31 - 1;
  const set = setOf([[1, 8, 4], [0, 8, 4], [0, far - 1, 1], [2, 0, 1]]);
  strictEqual(set.sort(), true);
  strictEqual(set.meets(1, 11, 1), true);
  strictEqual(set.meets(1, 12, 1), false);
  strictEqual(set.meets(2, 8, 4), false);
  strictEqual(set.meets(0, far - 1, 1), true);
  strictEqual(set.meets(1, 0, 8), false);
  strictEqual(set.meets(3, 0, far), false);
});

function apart(inputs: readonly Range[], outputs: readonly Range[]): boolean {
  // A range's last word means nothing, nor does what is around those in use.
  const words = [...inputs, ...outputs].flatMap((range) => [...range, 7]);
  const others = [0, 0, 1000, 0];
  const ranges = Int32Array.from([...others, ...words, ...others]);
  const start = others.length;
  return areOutputsApart(
    ranges,
    start,
    start + RANGE_WORDS * inputs.length,
    start + words.length,
  );
}

Deno.test("outputs are apart from inputs and each other, to the byte", () => {
  strictEqual(apart([[0, 0, 8]], [[0, 8, 4], [0, 12, 1]]), true);
  strictEqual(apart([[0, 0, 9]], [[0, 8, 4], [0, 12, 1]]), false);
  strictEqual(apart([[0, 0, 8]], [[0, 8, 4], [0, 11, 1]]), false);
  strictEqual(apart([[0, 0, 8], [0, 12, 9]], [[0, 8, 5]]), false);
  strictEqual(apart([[1, 0, 9]], [[0, 8, 4]]), true);
  strictEqual(apart([[0, 0, 8], [0, 4, 8]], [[0, 12, 4]]), true);
  strictEqual(apart([], []), true);
  strictEqual(apart([[0, 0, 8]], [[0, 0, 8]]), false);
  const far = 2 ** 31 - 1;
  strictEqual(apart([[0, far - 8, 8]], [[0, far - 9, 1]]), true);
  strictEqual(apart([[0, far - 8, 8]], [[0, far - 9, 2]]), false);
});

Deno.test("of many ranges it is not plain that they are apart", () => {
  const ranges = (count: number) =>
    Array.from({ length: count }, (_, i): Range => [0, 10 * i, 5]);
  strictEqual(apart(ranges(7), [[1, 0, 1]]), true);
  strictEqual(apart(ranges(8), [[1, 0, 1]]), false);
});

Deno.test("a cleared set is empty", () => {
  const set = setOf([[0, 0, 10], [0, 5, 10]]);
  set.clear();
  strictEqual(set.sort(), true);
  strictEqual(set.meets(0, 0, 10), false);
});

Deno.test("a set of any size answers as a comparison of all pairs does", () => {
  const random = new Random(4);
  let met = 0;
  let disjoint = 0;
  for (let round = 0; round < 2000; round++) {
    const count = random.integer(round % 10 === 0 ? 80 : 8);
    const room = 40 * (1 + random.integer(40));
    const any = (): Range => [
      random.integer(3),
      random.integer(room),
      1 + random.integer(20),
    ];
    const ranges = Array.from({ length: count }, any);
    const set = setOf(ranges);
    const shared = ranges.some((one, i) =>
      ranges.slice(i + 1).some((other) => meet(one, other))
    );
    strictEqual(set.sort(), !shared);
    if (shared) continue;
    disjoint++;
    for (let i = 0; i < 5; i++) {
      const asked = any();
      const expected = ranges.some((range) => meet(range, asked));
      if (expected) met++;
      strictEqual(set.meets(...asked), expected);
    }
  }
  strictEqual(met > 100 && disjoint > 100, true);
});
