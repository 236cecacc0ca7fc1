import { strictEqual } from "node:assert/strict";
import { BurstSize, LEAST_BURST_BYTES } from "./burst_size.ts";

const MEGABYTE = 1 << 20;
const SLOTS = Int32Array.from({ length: 64 }, (_, index) => index);
const LONG = new Int32Array(64).fill(MEGABYTE);

/** Runs full bursts of 1 MiB requests, `msOf` how long each of them takes. */
function run(
  size: BurstSize,
  bursts: number,
  msOf: (requests: number) => number,
): void {
  for (let i = 0; i < bursts; i++) {
    const requests = size.mostBytes / MEGABYTE;
    strictEqual(size.isReachedBy(SLOTS, requests, LONG), true);
    size.begins(100);
    size.ended(100 + msOf(requests));
  }
}

Deno.test("bursts grow as far as more requests at a time are faster, and come down when they are slow", () => {
  const size = new BurstSize();
  run(size, 30, (requests) => Math.max(1, requests / 8));
  strictEqual(size.mostBytes, 8 * MEGABYTE);
  run(size, 600, (requests) => Math.max(1, requests / 8));
  strictEqual(size.mostBytes, 8 * MEGABYTE);
  run(size, 3, () => 100);
  strictEqual(size.mostBytes, LEAST_BURST_BYTES);
});

Deno.test("bursts never read more than 16 MiB and a request", () => {
  const size = new BurstSize();
  run(size, 30, () => 1);
  strictEqual(size.mostBytes, 16 * MEGABYTE);
});

Deno.test("bursts stay short where a longer one is no faster, and try again rarely", () => {
  const size = new BurstSize();
  let long = 0;
  for (let i = 0; i < 1212; i++) {
    if (size.mostBytes > LEAST_BURST_BYTES) long++;
    run(size, 1, (requests) => requests);
  }
  strictEqual(long, 4 * 3);
  // What is worth nothing for these may be worth a lot for others.
  strictEqual(
    size.isReachedBy(SLOTS, 64, new Int32Array(64).fill(16_384)),
    true,
  );
  for (let i = 0; i < 3; i++) {
    size.begins(100);
    size.ended(101);
  }
  strictEqual(size.mostBytes, 2 * LEAST_BURST_BYTES);
  const slow = new BurstSize();
  run(slow, 10, (requests) => 5 * requests);
  strictEqual(slow.mostBytes, LEAST_BURST_BYTES);
});

Deno.test("a burst that reads less than it may, or begins with a short request, is not measured", () => {
  const size = new BurstSize();
  strictEqual(
    size.isReachedBy(SLOTS, 64, new Int32Array(64).fill(16_383)),
    false,
  );
  strictEqual(
    size.isReachedBy(SLOTS, 63, new Int32Array(64).fill(16_384)),
    false,
  );
  strictEqual(
    size.isReachedBy(SLOTS, 64, new Int32Array(64).fill(16_384)),
    true,
  );
});

Deno.test("a burst that was interrupted does not count", () => {
  const size = new BurstSize();
  let bursts = 0;
  run(size, 30, () => bursts++ % 3 === 0 ? 1 : 30);
  strictEqual(size.mostBytes, 16 * MEGABYTE);
});
