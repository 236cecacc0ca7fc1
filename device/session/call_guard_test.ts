import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  CallGuard,
  createGuardMemory,
  GuardedCalls,
  GuardedMethod,
} from "./call_guard.ts";

const LIMIT_MS = 100;

/** The call that a thread is given up in. */
function stuckCall(calls: GuardedCalls, atMs: number) {
  strictEqual(calls.giveUp(atMs, LIMIT_MS), undefined);
  strictEqual(calls.giveUp(atMs + LIMIT_MS, LIMIT_MS), undefined);
  return calls.giveUp(atMs + 2 * LIMIT_MS, LIMIT_MS);
}

function begun() {
  const memory = createGuardMemory();
  const guard = new CallGuard(memory, () => {});
  guard.enter(GuardedMethod.Run, "outer");
  guard.enter(GuardedMethod.Poll, "inner");
  return { guard, calls: new GuardedCalls(memory) };
}

Deno.test("a call that is stuck within another one is seen", () => {
  const { calls } = begun();
  const expected = { backend: "inner", method: "poll()" };
  deepStrictEqual(stuckCall(calls, 0), expected);
});

Deno.test("a call that is stuck behind one within it is seen", () => {
  const { guard, calls } = begun();
  guard.leave();
  const expected = { backend: "outer", method: "run()" };
  deepStrictEqual(stuckCall(calls, 0), expected);
});

Deno.test("a thread whose calls have all returned is in none", () => {
  const { guard, calls } = begun();
  guard.leave();
  guard.leave();
  strictEqual(stuckCall(calls, 0), undefined);
});
