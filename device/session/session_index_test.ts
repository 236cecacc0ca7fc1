import { strictEqual } from "node:assert/strict";

import { NO_SESSION, SessionIndex } from "./session_index.ts";
import { SessionRecords } from "./session_records.ts";

function makeIndex() {
  const records = new SessionRecords();
  const index = new SessionIndex(records);
  const add = (id: number, number: number) => {
    records.begin(number, 1);
    index.add(id, number);
  };
  return { index, add };
}

Deno.test("an index agrees with a Map, whatever is added and removed", () => {
  const { index, add } = makeIndex();
  const map = new Map<number, number>();
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  // Close together, far apart, and alike in their low or their high words.
  const ids = Array.from(
    { length: 3000 },
    (_, i) => [i, 2 ** 32 * i, 2 ** 53 - 1 - i, 64 * i, 2 ** 31 + i][i % 5]!,
  );
  for (let step = 0; step < 60_000; step++) {
    const id = ids[random(ids.length)]!;
    const known = map.get(id);
    strictEqual(index.numberOf(id), known ?? NO_SESSION);
    if (known === undefined) {
      map.set(id, step);
      add(id, step);
    } else {
      map.delete(id);
      index.remove(id);
    }
  }
  for (const id of ids) {
    strictEqual(index.numberOf(id), map.get(id) ?? NO_SESSION);
  }
  index.remove(-1);
  index.clear();
  for (const id of ids) strictEqual(index.numberOf(id), NO_SESSION);
});

Deno.test("what is no identifier names no session", () => {
  const { index, add } = makeIndex();
  add(0, 5);
  strictEqual(index.numberOf(0), 5);
  for (const id of [NaN, Infinity, 2 ** 53, 0.5]) {
    strictEqual(index.numberOf(id), NO_SESSION);
  }
  // Words as a request has them, with their highest bit.
  add(2 ** 31, 6);
  strictEqual(index.find(-(2 ** 31), 0), 6);
  strictEqual(index.find(-1, -1), NO_SESSION);
});
