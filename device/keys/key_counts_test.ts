import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  KeyCount,
  KeyCounter,
  KeyCountsReader,
  makeKeyCounts,
} from "./key_counts.ts";

Deno.test("a key is used so often in each second, by all threads together", () => {
  const memory = makeKeyCounts();
  const threads = [new KeyCounter(memory), new KeyCounter(memory)];
  const used = (slot: number, nowMs: number) =>
    threads.map((thread) => [1, 2].map(() => thread.isWithin(slot, 3, nowMs)));
  const three = [[true, true], [true, false]];
  const none = [[false, false], [false, false]];
  deepStrictEqual(used(0, 5_000), three);
  deepStrictEqual(used(0, 5_999), none);
  deepStrictEqual(used(1, 5_999), three);
  deepStrictEqual(used(0, 6_000), three);
  // One that looked at the clock before gets nothing that is the next second's.
  deepStrictEqual(used(0, 5_999), none);
  deepStrictEqual(used(0, 6_001), none);
  // A clock that was set back.
  deepStrictEqual(used(0, 2_000), three);
});

Deno.test("a use that is refused counts for nothing, and one more is within a higher rate", () => {
  const memory = makeKeyCounts();
  const counter = new KeyCounter(memory);
  const reader = new KeyCountsReader(memory);
  counter.add(7, KeyCount.Signatures);
  for (let i = 0; i < 3; i++) {
    if (!counter.isWithin(7, 1, 1_000)) counter.add(7, KeyCount.TooMany);
  }
  deepStrictEqual(reader.takeNew(7), [1, 0, 0, 2]);
  strictEqual(counter.isWithin(7, 2, 1_000), true);
  strictEqual(counter.isWithin(7, 2, 1_000), false);
});
