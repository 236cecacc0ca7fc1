import { ok, strictEqual } from "node:assert/strict";
import { Bounce } from "./native_memory.ts";

const LARGE_BYTES = 1024 * 1024;
const HUGE_BYTES = 8 * 1024 * 1024;

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

/** Fills all of the memory, as messages would; what was filled. */
function fill(bounce: Bounce): Uint8Array {
  return bounce.block.bytes.fill(0xa5);
}

Deno.test("bounce memory that gives way to larger memory is wiped", () => {
  const bounce = new Bounce();
  const before = fill(bounce);
  bounce.restart(LARGE_BYTES);
  ok(bounce.block.bytes !== before, "it is the same memory");
  ok(isZero(before), "a message is left in the old memory");
});

Deno.test("bounce memory of a huge message is wiped when it is given up", () => {
  const bounce = new Bounce();
  bounce.restart(HUGE_BYTES);
  const before = fill(bounce);
  bounce.restart(0);
  ok(bounce.block.bytes.length < HUGE_BYTES, "it is kept");
  ok(isZero(before), "a message is left in the old memory");
});

Deno.test("bounce memory that is kept starts over", () => {
  const bounce = new Bounce();
  const before = bounce.block;
  strictEqual(bounce.take(100), 0);
  // Aligned for the library.
  strictEqual(bounce.take(100), 128);
  bounce.restart(0);
  strictEqual(bounce.block, before);
  strictEqual(bounce.take(100), 0);
  strictEqual(bounce.take(before.bytes.length), -1);
  fill(bounce);
  bounce.wipe();
  ok(isZero(bounce.block.bytes));
});
