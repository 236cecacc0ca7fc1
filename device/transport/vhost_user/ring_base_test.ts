import { match, strictEqual } from "node:assert/strict";
import { startOf } from "../../ring/ring_start.ts";
import { ringPosition } from "./ring_base.ts";

const NEVER = undefined;

Deno.test("a ring of which no base was told starts at its start", () => {
  strictEqual(ringPosition(undefined, NEVER, 64, false), 0);
  strictEqual(ringPosition(undefined, NEVER, 64, true), 0x8000_8000);
  strictEqual(startOf(true), 0x8000_8000);
});

Deno.test("a packed ring's 16-bit start and 0 are its start, unless it stopped there", () => {
  for (const base of [0, 0x8000]) {
    strictEqual(ringPosition(base, NEVER, 64, true), 0x8000_8000);
    strictEqual(ringPosition(base, 0x8005_8005, 64, true), 0x8000_8000);
    strictEqual(ringPosition(base, base, 64, true), base);
  }
});

Deno.test("a position that a ring can stand at is taken as it is", () => {
  for (const base of [0x8005_8005, 0x0005_0005, 0x803f_803f]) {
    strictEqual(ringPosition(base, NEVER, 64, true), base);
  }
  strictEqual(ringPosition(0xffff, NEVER, 64, false), 0xffff);
});

Deno.test("a 16-bit base that is half of where the ring stopped is all of it", () => {
  strictEqual(ringPosition(0x8005, 0x8005_8005, 64, true), 0x8005_8005);
  strictEqual(ringPosition(0x0005, 0x0005_0005, 64, true), 0x0005_0005);
});

Deno.test("a position that no ring can stand at is refused with the reason", () => {
  const refused = (base: number, packed: boolean, reason: RegExp) =>
    match(String(ringPosition(base, NEVER, 64, packed)), reason);
  refused(0x1_0000, false, /base 0x10000 is past 16 bits/);
  refused(0x8040_8040, true, /base 0x80408040 is outside the ring/);
  refused(0x0000_8040, true, /outside the ring/);
  refused(0x0000_8005, true, /base 0x8005 has descriptors under way/);
  refused(0x8000_8005, true, /under way/);
  refused(0x0005_8005, true, /under way/);
});

Deno.test("a broken ring goes back to where it stopped, whatever is under way", () => {
  strictEqual(ringPosition(0x8000_8005, 0x8000_8005, 64, true), 0x8000_8005);
});
