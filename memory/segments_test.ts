import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { Region } from "./region.ts";
import { Segments } from "./segments.ts";

const region = (length: number) =>
  new Region(Uint8Array.from({ length }, (_, i) => i));

const list = (r: Region, offset: number, length: number) => {
  const made = new Segments();
  made.append(r, offset, length);
  return made;
};

Deno.test("append() joins ranges that continue each other", () => {
  const memory = region(16);
  const list = new Segments();
  list.append(memory, 0, 4);
  list.append(memory, 4, 4);
  list.append(memory, 9, 1);
  list.append(memory, 10, 0);
  strictEqual(list.count, 2);
  strictEqual(list.totalBytes, 9);
  deepStrictEqual([...list.copy()], [0, 1, 2, 3, 4, 5, 6, 7, 9]);
});

Deno.test("append() refuses ranges that end beyond 2^31 - 1", () => {
  const list = new Segments();
  throws(() => list.append(region(1), 2 ** 31 - 2, 2), RangeError);
  strictEqual(list.count, 0);
});

Deno.test("slice() takes a range that crosses pieces", () => {
  const memory = region(32);
  const list = new Segments();
  list.append(memory, 0, 3);
  list.append(memory, 10, 3);
  list.append(memory, 20, 3);
  const part = new Segments();
  part.slice(list, 2, 5);
  deepStrictEqual([...part.copy()], [2, 10, 11, 12, 20]);
  part.slice(list, 9, 0);
  strictEqual(part.count, 0);
});

Deno.test("slice() refuses bytes that the list does not hold", () => {
  const memory = region(32);
  const whole = list(memory, 0, 3);
  whole.append(memory, 10, 3);
  const part = list(memory, 20, 2);
  const wrong = [[-1, 2], [2, -1], [0, 7], [5, 2], [7, 0], [6, 2 ** 32]];
  for (const [start, lengthBytes] of wrong) {
    throws(
      () => part.slice(whole, start!, lengthBytes!),
      new RangeError(
        `Segments hold 6 bytes: cannot reach ${lengthBytes} bytes from ${start}`,
      ),
    );
    deepStrictEqual([...part.copy()], [20, 21]);
  }
  part.slice(whole, 0, 6);
  deepStrictEqual([...part.copy()], [0, 1, 2, 10, 11, 12]);
  part.slice(whole, 6, 0);
  strictEqual(part.totalBytes, 0);
});

Deno.test("write(), read() and fill() stay inside the list", () => {
  const memory = region(8);
  const list = new Segments();
  list.append(memory, 1, 2);
  list.append(memory, 5, 2);
  list.write(1, Uint8Array.of(90, 91));
  deepStrictEqual([...memory.bytes], [0, 1, 90, 3, 4, 91, 6, 7]);
  list.fill(3, 1, 7);
  deepStrictEqual([...list.copy()], [1, 90, 91, 7]);
  throws(() => list.read(2, new Uint8Array(3)), RangeError);
});

Deno.test("exchange() gives each list the other's ranges, windows too", () => {
  const memory = region(64);
  const own = list(memory, 3, 2);
  own.append(memory, 8, 3);
  const window = new Segments();
  window.slice(own, 1, 3);
  const other = list(memory, 20, 5);
  const before = [window.copy().join(), other.copy().join()];
  window.exchange(other);
  deepStrictEqual([other.copy().join(), window.copy().join()], before);
  deepStrictEqual([other.count, other.totalBytes], [2, 3]);
  // Each can be filled anew without harm to the other, and to what it shows.
  window.clear();
  window.append(memory, 30, 2);
  deepStrictEqual(other.copy().join(), before[0]);
  other.clear();
  other.append(memory, 40, 1);
  deepStrictEqual([...window.copy()], [...memory.bytes.subarray(30, 32)]);
  deepStrictEqual(own.totalBytes, 5);
  deepStrictEqual([own.offset(0), own.offset(1)], [3, 8]);
});
