import { deepStrictEqual, ok } from "node:assert/strict";
import { seededNumbers } from "../../testing/ring_sides.ts";
import { REQUEST_NUMBERS_BYTES, RequestNumbers } from "./request_numbers.ts";

Deno.test("a request that is done again has its number, and no other has it", () => {
  const below = seededNumbers(7);
  for (const period of [8, 32, 512, 65536]) {
    const bytes = new Uint8Array(new ArrayBuffer(REQUEST_NUMBERS_BYTES));
    let numbers = new RequestNumbers(bytes);
    numbers.begin(0);
    const given = new Map<number, number>();
    // Requests by their place in time; of those taken, some are answered.
    const starts = [0];
    let answered = 0;
    let taken = 0;
    for (let step = 0; step < 20_000; step++) {
      const what = below(10);
      const room = Math.min(64, period / 4);
      if (what < 6 && taken - answered < room) {
        starts[taken + 1] ??= (starts[taken]! + 1 + below(2)) % period;
        const number = numbers.take(starts[taken]!, starts[taken + 1]!);
        const before = given.get(taken);
        ok(before === undefined || before === number, `request ${taken}`);
        given.set(taken, number);
        taken++;
      } else if (what < 9) {
        if (answered < taken) answered++;
      } else {
        numbers = new RequestNumbers(bytes);
        if (given.size > answered || below(2) === 0) {
          numbers.resume(starts[answered]!);
        } else numbers.begin(starts[answered]!);
        taken = answered;
      }
    }
    deepStrictEqual(new Set(given.values()).size, given.size, `${period}`);
  }
});

Deno.test("a ring that begins anew at an old place has new requests there", () => {
  const bytes = new Uint8Array(new ArrayBuffer(REQUEST_NUMBERS_BYTES));
  const before = new RequestNumbers(bytes);
  before.begin(0);
  const first = before.take(0, 1);
  before.take(1, 2);
  before.begin(0);
  // The process ends before the driver has asked for anything.
  const next = new RequestNumbers(bytes);
  next.resume(0);
  ok(next.take(0, 1) > first + 1);
});
