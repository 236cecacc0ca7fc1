import { strictEqual } from "node:assert/strict";
import { isWorse } from "./guard.ts";

Deno.test("a ratio is worse below 85 % of the record, a cost above its inverse", () => {
  const ratio = (value: number) => isWorse({ value, isCost: false }, 1);
  strictEqual(ratio(0.86), false);
  strictEqual(ratio(0.84), true);
  strictEqual(ratio(5), false);
  const cost = (value: number) => isWorse({ value, isCost: true }, 2);
  strictEqual(cost(2.34), false);
  strictEqual(cost(2.36), true);
  strictEqual(cost(0.1), false);
});

Deno.test("what is not on record is not worse", () => {
  strictEqual(isWorse({ value: 0, isCost: false }, undefined), false);
  strictEqual(isWorse({ value: 9, isCost: true }, undefined), false);
});
