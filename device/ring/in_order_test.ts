import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { seededNumbers } from "../../testing/ring_sides.ts";
import { InOrderGate } from "./in_order.ts";

const SIZE = 128;

/** Chains that a gate lets go, with what it says of those that it held. */
function gateRun(seed: number, steps: number, isShuffled: boolean) {
  const below = seededNumbers(seed);
  const gate = new InOrderGate(SIZE);
  const free = Array.from({ length: SIZE }, (_, slot) => slot);
  /** Slots that are out, and the numbers of their chains. */
  const out: { slot: number; chain: number }[] = [];
  const released: number[] = [];
  const burst = new Int32Array(64);
  let taken = 0;
  let passed = 0;
  const take = () => {
    const count = Math.min(1 + below(64), free.length);
    const slots = free.splice(-count);
    const into = Int32Array.from(slots);
    // What was there before is overwritten by the next ones.
    gate.taking();
    burst.fill(-1);
    burst.set(into);
    gate.taken(burst, count);
    for (const slot of slots) out.push({ slot, chain: taken++ });
  };
  const give = () => {
    const count = Math.min(1 + below(64), out.length);
    const from = isShuffled ? below(out.length - count + 1) : 0;
    const given = out.splice(from, count);
    if (isShuffled && below(2) === 0) given.reverse();
    const slots = Int32Array.from(given, ({ slot }) => slot);
    if (gate.passAll(slots, count)) {
      passed++;
      released.push(...given.map(({ chain }) => chain));
    } else {
      for (const { slot, chain } of given) {
        gate.hold(slot, chain & 0xffff, slot, chain);
      }
      for (; gate.ready; gate.advance()) {
        strictEqual(gate.head, gate.writtenBytes & 0xffff);
        released.push(gate.writtenBytes);
      }
    }
    free.push(...slots);
  };
  for (let step = 0; step < steps; step++) {
    const mayTake = free.length > 0 && taken - released.length + 64 <= SIZE;
    if (mayTake && (out.length === 0 || below(2) === 0)) take();
    else if (out.length > 0) give();
  }
  while (out.length > 0) give();
  return { taken, released, passed };
}

Deno.test("completions in any order are let go as their chains were taken", () => {
  for (let seed = 1; seed < 20; seed++) {
    const { taken, released } = gateRun(seed, 500, true);
    deepStrictEqual(released, Array.from({ length: taken }, (_, i) => i));
  }
});

Deno.test("completions in their order are let go at once", () => {
  const { taken, released, passed } = gateRun(1, 500, false);
  ok(passed > 100, `${passed}`);
  deepStrictEqual(released, Array.from({ length: taken }, (_, i) => i));
});

Deno.test("a burst that ends in parts, in its order, is held nowhere", () => {
  const gate = new InOrderGate(SIZE);
  const slots = Int32Array.of(5, 3, 100, 7);
  gate.taken(slots, 4);
  ok(gate.passAll(slots.subarray(0, 1), 1));
  ok(gate.passAll(slots.subarray(1, 3), 2));
  gate.taking();
  gate.taken(Int32Array.of(1, 2), 2);
  ok(gate.passAll(slots.subarray(3), 1));
  strictEqual(gate.passAll(Int32Array.of(2), 1), false);
  gate.hold(2, 2, 1, 0);
  strictEqual(gate.ready, false);
});
