import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ResultMemory } from "./result_memory.ts";

const MIB = 1024 * 1024;

Deno.test("memory that was given back is lent again, wiped", () => {
  const memory = new ResultMemory();
  const lent = memory.take(100)!;
  ok(lent.lengthBytes >= 100);
  lent.bytes.fill(7, 0, 100);
  memory.give(lent, 100);
  const again = memory.take(50)!;
  strictEqual(again, lent);
  deepStrictEqual(again.bytes.subarray(0, 100), new Uint8Array(100));
  // It is lent once only.
  ok(memory.take(50) !== lent);
});

Deno.test("16 MiB are lent at a time, and to one alone what it needs", () => {
  const memory = new ResultMemory();
  const lent = [1, 2, 3, 4].map(() => memory.take(4 * MIB)!);
  ok(lent.every((one) => one.lengthBytes === 4 * MIB));
  strictEqual(memory.take(1), undefined);
  for (const one of lent) memory.give(one, 4 * MIB);
  const large = memory.take(40 * MIB)!;
  ok(large.lengthBytes >= 40 * MIB);
  strictEqual(memory.take(1), undefined);
  memory.give(large, 40 * MIB);
  ok(memory.take(1));
});

Deno.test("of large memory no more than 4 MiB are kept", () => {
  const memory = new ResultMemory();
  const lent = [1, 2, 3].map(() => memory.take(2 * MIB)!);
  for (const one of lent) memory.give(one, 1);
  const again = [1, 2, 3].map(() => memory.take(2 * MIB)!);
  deepStrictEqual(again.map((one) => lent.includes(one)), [true, true, false]);
});
