import { ok, strictEqual } from "node:assert/strict";
import { GUEST_ADDRESS, makeTestRings } from "../../../testing/ring_sides.ts";
import { createVirtqueue } from "../../ring/create_virtqueue.ts";
import {
  inflightFields,
  inflightPartBytes,
  SIZE_WORD,
} from "../../ring/inflight_part.ts";
import type { RingPlan } from "./driver_life.ts";
import type { InflightMemory } from "./inflight_memory.ts";
import { findLeft } from "./left_requests.ts";
import type { MemoryTable } from "./memory_table.ts";
import { RingTracker } from "./ring_tracker.ts";
import type { Vring } from "./vring.ts";

const MOST_BYTES = 64 * 1024;
const RING = { index: 0, resumes: false } as Vring;

/** A ring that is tracked, whose driver has made `requests` available. */
function trackedRing(packed: boolean, size: number, requests: number) {
  const { memory, driver, dataOffset } = makeTestRings({ size, packed });
  const form = { size, packed, eventIndex: false, inOrder: false };
  const piece = { guestAddress: GUEST_ADDRESS + dataOffset, lengthBytes: 64 };
  const add = () => {
    driver.add([piece], [], 0);
    driver.publish();
  };
  for (let i = 0; i < requests; i++) add();
  const part = new Uint8Array(
    new ArrayBuffer(inflightPartBytes(size, packed)),
  );
  const left: number[] = [];
  const tracker = new RingTracker({
    memory: { memory } as unknown as MemoryTable,
    inflight: {
      queueSize: size,
      isLeft: () => false,
      taken: () => {},
      leave: (ring: number) => left.push(ring),
      placeOf: () => ({
        address: Number(
          Deno.UnsafePointer.value(Deno.UnsafePointer.of(part)),
        ),
        lengthBytes: part.length,
      }),
    } as unknown as InflightMemory,
  });
  const plan: RingPlan = {
    ...form,
    ...driver.addresses,
    base: packed ? 0x8000_8000 : 0,
  };
  const serve = (options: Partial<RingPlan> & { takesAgain?: boolean }) => {
    const ring = createVirtqueue({
      ...form,
      ...plan,
      memory,
      inflight: part,
      ...options,
    });
    ok(!("error" in ring));
    return ring;
  };
  const found = () => findLeft(memory, plan, plan, part);
  return { add, tracker, plan, part, serve, found, left };
}

for (const packed of [false, true]) {
  const form = packed ? "packed" : "split";
  Deno.test(`what a stuck thread has stays marked where its ring goes on: ${form}`, () => {
    const { add, tracker, plan, serve, found } = trackedRing(packed, 16, 1);
    strictEqual(tracker.begin(RING, plan), undefined);
    const taken = new Int32Array(16);
    const first = serve({});
    strictEqual(first.take(taken, 16, MOST_BYTES), 1);
    const moved = { ...plan, base: first.base, isHeld: true };
    strictEqual(tracker.begin(RING, moved), undefined);
    const second = serve({ base: first.base, takesAgain: false });
    strictEqual(second.take(taken, 16, MOST_BYTES), 0, "it is not taken twice");
    add();
    strictEqual(second.take(taken, 16, MOST_BYTES), 1);
    const left = found();
    ok(typeof left !== "string", `${left}`);
    strictEqual(left.count, 2);
  });

  Deno.test(`what a ring has not taken again when it stops is left once more: ${form}`, () => {
    const { tracker, plan, serve, left } = trackedRing(packed, 16, 2);
    strictEqual(tracker.begin(RING, plan), undefined);
    const taken = new Int32Array(16);
    tracker.stopped(0, plan);
    strictEqual(left.length, 0);
    strictEqual(serve({}).take(taken, 16, MOST_BYTES), 2);
    tracker.stopped(0, plan);
    strictEqual(left.length, 1);
  });
}

Deno.test("a region that its owner makes smaller meanwhile has room for the ring", () => {
  const { tracker, plan, part, serve, found } = trackedRing(true, 3, 3);
  strictEqual(tracker.begin(RING, plan), undefined);
  inflightFields(part).words[SIZE_WORD] = 1;
  const ring = serve({});
  const taken = new Int32Array(3);
  strictEqual(ring.take(taken, 3, MOST_BYTES), 3);
  inflightFields(part).words[SIZE_WORD] = 3;
  const underWay = found();
  ok(typeof underWay !== "string", `${underWay}`);
  strictEqual(underWay.count, 3);
  ring.give(taken, new Int32Array(3), 3);
  ring.publish();
  const left = found();
  ok(typeof left !== "string", `${left}`);
  strictEqual(left.count, 0);
});
