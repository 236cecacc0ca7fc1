import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Patience } from "./patience.ts";

/** Sleeps without a look until the next one. */
function skipped(patience: Patience): number {
  let count = 0;
  while (!patience.looks()) count++;
  return count;
}

Deno.test("each look in vain makes the next ones rarer, up to a bound", () => {
  const patience = new Patience();
  const all = Array.from({ length: 8 }, () => {
    const count = skipped(patience);
    patience.lookedInVain();
    return count;
  });
  deepStrictEqual(all, [0, 1, 3, 7, 15, 31, 31, 31]);
});

Deno.test("a look that has found something brings all of them back", () => {
  const patience = new Patience();
  for (let i = 0; i < 8; i++) patience.lookedInVain();
  skipped(patience);
  patience.found();
  strictEqual(skipped(patience), 0);
  patience.lookedInVain();
  strictEqual(skipped(patience), 1);
});
