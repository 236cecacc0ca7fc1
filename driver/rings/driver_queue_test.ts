import {
  deepStrictEqual,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert/strict";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_USED,
  DESCRIPTOR_WRITE,
} from "../../device/ring/layout.ts";
import { Region } from "../../memory/region.ts";
import { createDriverQueue } from "./create_driver_queue.ts";
import { ringBytes, ringOffsets } from "./layout.ts";
import { RawPackedRing } from "../../testing/raw_ring.ts";
import { GUEST_ADDRESS, makeTestRings } from "../../testing/ring_sides.ts";

const buffer = { guestAddress: GUEST_ADDRESS, lengthBytes: 10 };
const USED_FLAGS = DESCRIPTOR_AVAILABLE | DESCRIPTOR_USED;

/** Plays a device that writes one split used entry and moves the index on. */
function useSplit(
  region: Region,
  slot: number,
  id: number,
  lengthBytes: number,
  index: number,
) {
  const used = ringOffsets(4, false).device;
  region.view.setUint32(used + 4 + 8 * slot, id, true);
  region.view.setUint32(used + 8 + 8 * slot, lengthBytes, true);
  region.view.setUint16(used + 2, index, true);
}

Deno.test("the areas of a ring do not overlap and are aligned", () => {
  for (const packed of [false, true]) {
    for (const size of [1, 2, 256, 32768]) {
      const offsets = ringOffsets(size, packed);
      strictEqual(offsets.descriptor, 0);
      ok(offsets.driver >= 16 * size);
      ok(offsets.device >= offsets.driver + (packed ? 4 : 6 + 2 * size));
      ok(offsets.lengthBytes >= offsets.device + (packed ? 4 : 6 + 8 * size));
      for (const offset of Object.values(offsets)) strictEqual(offset % 64, 0);
    }
  }
});

Deno.test("split, in order: one used entry completes a batch", () => {
  const { driver, region } = makeTestRings({
    size: 4,
    packed: false,
    inOrder: true,
  });
  for (let token = 0; token < 3; token++) driver.add([], [buffer], token);
  driver.publish();
  useSplit(region, 0, 1, 7, 2);
  deepStrictEqual(driver.take(), { token: 0, writtenBytes: 10 });
  strictEqual(driver.enableInterrupts(), true);
  deepStrictEqual(driver.take(), { token: 1, writtenBytes: 7 });
  strictEqual(driver.take(), undefined);
  useSplit(region, 2, 2, 5, 3);
  deepStrictEqual(driver.take(), { token: 2, writtenBytes: 5 });
});

Deno.test("packed, in order: one used descriptor completes a batch", () => {
  const { driver, region } = makeTestRings({
    size: 6,
    packed: true,
    inOrder: true,
  });
  for (let token = 0; token < 3; token++) {
    driver.add([buffer], [buffer], token);
  }
  driver.publish();
  const raw = new RawPackedRing(region, 0, 6);
  const use = (index: number, id: number, lengthBytes: number) =>
    raw.descriptor(index, {
      address: 0n,
      lengthBytes,
      id,
      flags: USED_FLAGS | DESCRIPTOR_WRITE,
    });
  const ids = [0, 2, 4].map((index) => raw.read(index).id);
  use(0, ids[1]!, 7);
  deepStrictEqual(driver.take(), { token: 0, writtenBytes: 10 });
  strictEqual(driver.enableInterrupts(), true);
  deepStrictEqual(driver.take(), { token: 1, writtenBytes: 7 });
  strictEqual(driver.take(), undefined);
  use(4, ids[2]!, 5);
  deepStrictEqual(driver.take(), { token: 2, writtenBytes: 5 });
});

Deno.test("a used entry for nothing in flight breaks the queue", () => {
  for (const id of [1, 4, 0xffff_ffff]) {
    const { driver, region } = makeTestRings({ size: 4, packed: false });
    driver.add([buffer], [], 0);
    driver.publish();
    useSplit(region, 0, id, 0, 1);
    strictEqual(driver.take(), undefined);
    match(driver.broken!, /has no request/);
  }
  const { driver, region } = makeTestRings({ size: 4, packed: true });
  driver.add([buffer], [], 0);
  driver.publish();
  new RawPackedRing(region, 0, 4).descriptor(0, {
    address: 0n,
    lengthBytes: 0,
    id: 2,
    flags: USED_FLAGS,
  });
  strictEqual(driver.take(), undefined);
  match(driver.broken!, /has no request/);
});

Deno.test("add() is false when the ring is full and throws when it never fits", () => {
  for (const packed of [false, true]) {
    const { driver } = makeTestRings({ size: 4, packed });
    strictEqual(driver.add([buffer, buffer], [buffer], 0), true);
    strictEqual(driver.add([buffer], [buffer], 1), false);
    strictEqual(driver.add([buffer], [], 2), true);
    throws(() => driver.add([], [], 3), RangeError);
    throws(() => driver.add(Array(5).fill(buffer), [], 3), RangeError);
    const indirect = makeTestRings({ size: 2, packed, maxDescriptors: 3 });
    throws(
      () => indirect.driver.add(Array(4).fill(buffer), [], 3),
      RangeError,
    );
  }
});

Deno.test("createDriverQueue() refuses rings that do not fit", () => {
  const create = (size: number, offset: number, tables?: number) =>
    createDriverQueue({
      region: new Region(new Uint8Array(ringBytes(8, false) + 64)),
      regionGuestAddress: GUEST_ADDRESS,
      offset,
      size,
      packed: false,
      eventIndex: false,
      inOrder: false,
      ...(tables === undefined
        ? {}
        : { indirect: { offset: tables, maxDescriptors: 4 } }),
    });
  strictEqual(create(8, 64).size, 8);
  throws(() => create(6, 0), /power of two/);
  throws(() => create(8, 128), /outside a region/);
  throws(() => create(8, 8), /not aligned/);
  throws(() => create(8, 0, 64), /indirect table area/);
});

Deno.test("a request that is used twice breaks the queue", () => {
  const { driver, region } = makeTestRings({ size: 4, packed: false });
  driver.add([buffer], [], 0);
  driver.add([buffer], [], 1);
  driver.publish();
  useSplit(region, 0, 0, 0, 1);
  strictEqual(driver.take()?.token, 0);
  useSplit(region, 1, 0, 0, 2);
  strictEqual(driver.take(), undefined);
  match(driver.broken!, /has no request/);
});
