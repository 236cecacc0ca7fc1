import { strictEqual } from "node:assert/strict";
import { BUDGET_MS, LongOperations } from "./long_operations.ts";

const LONG = BUDGET_MS + 1;

Deno.test("operations take long when three in a row did, from the shortest of them on", () => {
  const long = new LongOperations();
  strictEqual(long.note(5000, LONG), false);
  strictEqual(long.note(3000, LONG), false);
  // Shorter ones say nothing of them.
  strictEqual(long.note(10, 0.1), false);
  strictEqual(long.note(4000, LONG), true);
  strictEqual(long.fromBytes, 3000);
  strictEqual(long.note(6000, LONG), false);
  for (let i = 0; i < 2; i++) strictEqual(long.note(1000, LONG), false);
  strictEqual(long.note(1000, LONG), true);
  strictEqual(long.fromBytes, 1000);
});

Deno.test("one that was quick says that the others were interrupted", () => {
  const long = new LongOperations();
  for (let i = 0; i < 20; i++) {
    strictEqual(long.note(64, LONG), false);
    strictEqual(long.note(64, LONG), false);
    strictEqual(long.note(64, 0.01), false);
  }
  strictEqual(long.fromBytes, Infinity);
});
