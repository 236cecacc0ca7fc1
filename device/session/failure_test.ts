import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  describeFailure,
  type Failure,
  FailureNotes,
  reasonOf,
} from "./failure.ts";

const failure = (of: Failure["of"], reason: string): Failure => ({
  of,
  backend: "mine",
  reason,
});

/** Notes with a clock of the test's own. */
function makeNotes(): {
  note(failure: Failure): void;
  told: string[];
  clock: { now: number };
} {
  const told: string[] = [];
  const clock = { now: 5 };
  const notes = new FailureNotes(
    (failure) => told.push(describeFailure(failure)),
    () => clock.now,
  );
  return { note: notes.note, told, clock };
}

Deno.test("each cause of a failure is told once", () => {
  const { note, told } = makeNotes();
  for (let i = 0; i < 3; i++) {
    note(failure("request", "a"));
    note(failure("request", "b"));
    note(failure("session", "a"));
    note({ of: "session", reason: "a" });
  }
  deepStrictEqual(told, [
    "request failed by backend mine: a",
    "request failed by backend mine: b",
    "session refused by backend mine: a",
    "session refused: a",
  ]);
});

Deno.test("a guest with ever new causes fills neither log nor memory, nor hides other kinds", () => {
  const { note, told, clock } = makeNotes();
  for (let i = 0; i < 10_000; i++) note(failure("session", `cause ${i}`));
  strictEqual(told.length, 33);
  strictEqual(
    told.at(-1),
    "session refused: more causes are not told for an hour",
  );
  note(failure("request", "a"));
  strictEqual(told.at(-1), "request failed by backend mine: a");
  clock.now += 3_599_999;
  note(failure("session", "cause 1"));
  strictEqual(told.length, 34);
  clock.now += 1;
  note(failure("session", "cause 1"));
  strictEqual(told.at(-1), "session refused by backend mine: cause 1");
  strictEqual(told.length, 35);
});

Deno.test("a reason is one printable line of bounded length, whatever is thrown", () => {
  strictEqual(reasonOf(new Error("first\nsecond")), "first");
  strictEqual(reasonOf(new Error("a\u001b[31mb\rc\u009bd")), "a?[31mb?c?d");
  strictEqual(reasonOf("text"), "text");
  strictEqual(reasonOf(undefined), "undefined");
  strictEqual(reasonOf(Object.create(null)), "an error without a message");
  strictEqual(reasonOf(new Error("x".repeat(5000))), `${"x".repeat(200)}…`);
});
