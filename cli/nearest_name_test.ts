import assert from "node:assert/strict";
import { nearestName } from "./nearest_name.ts";

const NAMES = ["serve", "supervise", "probe"];

Deno.test("a name that was begun, or mistyped, is found", () => {
  assert.equal(nearestName("sup", NAMES), "supervise");
  assert.equal(nearestName("sevre", NAMES), "serve");
  assert.equal(nearestName("prob", NAMES), "probe");
  assert.equal(nearestName("prrobe", NAMES), "probe");
});

Deno.test("a name like none of them, or none at all, is not guessed at", () => {
  assert.equal(nearestName("start", NAMES), undefined);
  assert.equal(nearestName("s", NAMES), undefined);
  assert.equal(nearestName("", NAMES), undefined);
});
