import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DriverRounds } from "./driver_rounds.ts";

/** What the next burst may have after a round of so many requests. */
function partAfter(requests: number): number | undefined {
  const rounds = new DriverRounds();
  rounds.waits(1000, true);
  rounds.waits(1000 + requests, true);
  return rounds.part;
}

Deno.test("what went round is halved, in parts of 16 or a multiple, and what fills two bursts is not", () => {
  const sizes = [1, 16, 32, 40, 64, 100, 127, 128, 100_000];
  deepStrictEqual(sizes.map(partAfter), [
    ...[16, 16, 16, 16, 32, 48, 48],
    ...[undefined, undefined],
  ]);
});

Deno.test("nothing is parted for a driver that had to be notified, or that waits for more", () => {
  const rounds = new DriverRounds();
  rounds.notified();
  rounds.waits(32, true);
  strictEqual(rounds.part, undefined);
  rounds.waits(64, true);
  strictEqual(rounds.part, 16);
  rounds.waits(96, false);
  strictEqual(rounds.part, undefined);
});
