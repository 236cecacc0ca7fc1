import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { isAvailableAt, RingPositions } from "./ring_positions.ts";

const AVAILABLE = 1 << 7;
const USED = 1 << 15;

Deno.test("each request of a split ring takes one number, the last before 0", () => {
  const positions = new RingPositions(4, false);
  const after = (position: number, descriptors: number) =>
    positions.after(position, descriptors);
  deepStrictEqual(
    [after(5, 1), after(5, 3), after(0x7fff, 1), after(0xffff, 2)],
    [6, 6, 0x8000, 0],
  );
});

Deno.test("each request of a packed ring takes its descriptors, in the next lap with the other wrap counter", () => {
  const positions = new RingPositions(5, true);
  const after = (position: number, descriptors: number) =>
    positions.after(position, descriptors);
  deepStrictEqual(
    [after(0x8001, 1), after(0x8001, 3), after(0x0001, 1), after(0x0001, 3)],
    [0x8002, 0x8004, 0x0002, 0x0004],
  );
  deepStrictEqual(
    [after(0x8004, 1), after(0x8002, 5), after(0x0004, 1), after(0x0003, 3)],
    [0x0000, 0x0002, 0x8000, 0x8001],
  );
});

Deno.test("as many requests as the longest split ring has are told from those before", () => {
  const positions = new RingPositions(32768, false);
  for (const place of [0, 0x1000, 0xf000]) {
    const last = place + 32767 & 0xffff;
    strictEqual(positions.isBefore(last, place), false, `${place}`);
    strictEqual(positions.isBefore(place, last + 1 & 0xffff), true, `${place}`);
  }
});

Deno.test("one of two flags tells that a packed descriptor is available, as the wrap counter says", () => {
  for (const others of [0, 0xffff & ~(AVAILABLE | USED)]) {
    const isAvailable = (position: number) =>
      [0, AVAILABLE, USED, AVAILABLE | USED].map((flags) =>
        isAvailableAt(others | flags, position)
      );
    deepStrictEqual(isAvailable(0x8003), [false, true, false, false]);
    deepStrictEqual(isAvailable(0x0003), [false, false, true, false]);
  }
});
