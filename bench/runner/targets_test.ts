import { strictEqual } from "node:assert/strict";
import { atLeast, atMost, type Target, verdict } from "./targets.ts";

const verdictOf = (value: number, target?: Target) =>
  verdict({ name: "", unit: "", value, ...(target ? { target } : {}) });

Deno.test("a target is met at its bound, and missed beyond it", () => {
  strictEqual(verdictOf(0.95, atLeast(0.95)), "met");
  strictEqual(verdictOf(0.949, atLeast(0.95)), "missed");
  strictEqual(verdictOf(450, atMost(450)), "met");
  strictEqual(verdictOf(450.1, atMost(450)), "missed");
});

Deno.test("what was not measured meets nothing, and what has no target is no question", () => {
  strictEqual(verdictOf(NaN, atLeast(0)), "not measured");
  strictEqual(verdictOf(NaN, atMost(9)), "not measured");
  strictEqual(verdictOf(7), "");
});
