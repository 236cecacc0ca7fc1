import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { Scratch } from "./scratch.ts";

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

const MIB = 1024 * 1024;

/** All of the memory that `lengthBytes` come from, filled. */
function fill(scratch: Scratch, lengthBytes: number): Uint8Array {
  return new Uint8Array(scratch.take(lengthBytes).buffer).fill(0xa5);
}

Deno.test("memory that a longer message replaces is wiped", () => {
  const scratch = new Scratch();
  const before = fill(scratch, 100);
  strictEqual(scratch.take(before.length).buffer, before.buffer);
  ok(scratch.take(before.length + 1).buffer !== before.buffer);
  ok(isZero(before));
});

Deno.test("memory of a long message is wiped and given back, other memory stays", () => {
  const scratch = new Scratch();
  const kept = fill(scratch, 4 * MIB);
  scratch.release();
  strictEqual(scratch.take(100).buffer, kept.buffer);
  const long = fill(scratch, 4 * MIB + 1);
  scratch.release();
  ok(scratch.take(100).buffer !== long.buffer);
  ok(isZero(long));
});

Deno.test("memory that is wiped holds no message", () => {
  const scratch = new Scratch();
  const bytes = fill(scratch, 100);
  scratch.wipe();
  ok(isZero(bytes));
});

Deno.test("the view is of the memory that take() and gather() give", () => {
  const scratch = new Scratch();
  strictEqual(scratch.view.buffer, scratch.take(1).buffer);
  const long = scratch.take(scratch.view.byteLength + 1);
  strictEqual(scratch.view.buffer, long.buffer);
  const region = new Region(new Uint8Array(16));
  region.bytes.set([1, 2, 3, 4, 5, 6, 7, 8], 8);
  const segments = new Segments();
  segments.append(region, 12, 4);
  segments.append(region, 8, 2);
  deepStrictEqual([...scratch.gather(segments)], [5, 6, 7, 8, 1, 2]);
  strictEqual(scratch.view.getUint8(4), 1);
});
