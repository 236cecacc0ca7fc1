import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { GUEST_ADDRESS, makeTestRings } from "../../testing/ring_sides.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import { USED_JOURNAL_BYTES, UsedJournal } from "./used_journal.ts";
import { NO_CHAIN, type Virtqueue } from "./virtqueue.ts";

const SIZE = 8;

/** A packed ring with a journal, whose device ends and comes again. */
function keptRing() {
  const rings = makeTestRings({ size: SIZE, packed: true });
  const words = new Int32Array(USED_JOURNAL_BYTES / 4);
  const journal = new UsedJournal(words);
  journal.reset(0x8000_8000);
  const device = (): Virtqueue => {
    const made = createVirtqueue({
      size: SIZE,
      packed: true,
      eventIndex: false,
      inOrder: true,
      ...rings.driver.addresses,
      memory: rings.memory,
      base: journal.position,
      journal: new UsedJournal(words),
    });
    ok(!("error" in made));
    return made;
  };
  return { ...rings, words, device };
}

const PIECE = { guestAddress: GUEST_ADDRESS + 0x1000, lengthBytes: 16 };

Deno.test("a packed ring goes on behind what was shown", () => {
  const { driver, device } = keptRing();
  let now = device();
  for (let i = 0; i < 100; i++) {
    ok(driver.add([PIECE], [PIECE], i));
    driver.publish();
    ok(now.pop() !== NO_CHAIN, `request ${i}`);
    // It ends with what it has taken.
    now = device();
    const slot = now.pop();
    ok(slot !== NO_CHAIN, `request ${i} again`);
    now.push(slot, 16);
    now.publish();
    deepStrictEqual({ ...driver.take() }, { token: i, writtenBytes: 16 });
    if (i % 3 === 0) now = device();
  }
});

Deno.test("a packed ring that ends while it shows is shown to the end by the next", () => {
  // Wherever it ends: the first descriptor, whose flags show all, comes last.
  const order = [...Array(4 * SIZE).keys()].map((i) => (i + 4) % (4 * SIZE));
  for (let shownWords = 0; shownWords < 4 * SIZE; shownWords++) {
    const { driver, device, region, words } = keptRing();
    const ring = new Int32Array(region.bytes.buffer, 0, 4 * SIZE);
    let now = device();
    for (let token = 0; token < 3; token++) {
      ok(driver.add([PIECE], [PIECE], token));
    }
    driver.publish();
    for (let token = 0; token < 3; token++) now.push(now.pop(), 10 + token);
    const before = ring.slice();
    now.publish();
    // The journal as it was between its commit and the end of the showing.
    words[0] = words[1]!;
    for (const word of order.slice(shownWords)) ring[word] = before[word]!;
    now = device();
    for (let token = 0; token < 3; token++) {
      deepStrictEqual(
        { ...driver.take() },
        { token, writtenBytes: 10 + token },
        `${shownWords}`,
      );
    }
    strictEqual(now.pop(), NO_CHAIN);
    ok(driver.add([PIECE], [PIECE], 3));
    driver.publish();
    now.push(now.pop(), 13);
    now.publish();
    strictEqual(driver.take()?.token, 3);
  }
});

Deno.test("what was visible is not shown again over what the driver has put there since", () => {
  const { driver, device, words } = keptRing();
  let now = device();
  for (let token = 0; token < SIZE / 2; token++) {
    ok(driver.add([PIECE], [PIECE], token));
  }
  driver.publish();
  for (let token = 0; token < SIZE / 2; token++) now.push(now.pop(), 1);
  now.publish();
  for (let token = 0; token < SIZE / 2; token++) {
    strictEqual(driver.take()?.token, token);
    ok(driver.add([PIECE], [PIECE], 100 + token));
  }
  driver.publish();
  // It ended before it had noted that all was visible.
  words[0] = words[1]!;
  now = device();
  for (let token = 0; token < SIZE / 2; token++) now.push(now.pop(), 2);
  now.publish();
  for (let token = 0; token < SIZE / 2; token++) {
    deepStrictEqual(
      { ...driver.take() },
      { token: 100 + token, writtenBytes: 2 },
    );
  }
});

Deno.test("a journal of more descriptors than the ring has breaks the ring", () => {
  const { device, words } = keptRing();
  device();
  words.set([0x8000_8000 | 0, 0x8000_8000 | 0, 2, 0, 5 << 16, 0, 4 << 16, 0]);
  ok(/9 used descriptors/.test(device().broken ?? ""));
});
