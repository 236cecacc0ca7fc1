import { deepStrictEqual, ok } from "node:assert/strict";
import { Region } from "../../memory/region.ts";
import {
  writeRawDescriptor,
  writeRawPackedDescriptor,
} from "../../testing/raw_ring.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import { DirtyLog, LOG_PAGE_BYTES } from "./dirty_log.ts";
import { GuestMemory } from "./guest_memory.ts";
import type { Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

const PAGES = 64;
const DESCRIPTORS_AT = 0;
const AVAILABLE_AT = 8 * LOG_PAGE_BYTES;
const USED_AT = 16 * LOG_PAGE_BYTES;
const DATA_PAGE = 32;
const SIZE = 1024;
const WRITE = 2;
const AVAILABLE = 1 << 7;
const ALL_USED_PAGES = [16, 17, 18];

interface Logged {
  readonly region: Region;
  readonly queue: Virtqueue;
  /** Pages that were marked since the last call. */
  marked(): number[];
}

/** A ring whose areas and buffers are on pages of their own. */
function loggedRing(changes: Partial<VirtqueueOptions>): Logged {
  const region = new Region(new Uint8Array(PAGES * LOG_PAGE_BYTES));
  const memory = new GuestMemory();
  memory.add({
    guestAddress: 0,
    userAddress: 0,
    lengthBytes: region.lengthBytes,
    region,
  });
  const bits = new Uint8Array(PAGES / 8);
  memory.log = new DirtyLog(bits);
  const queue = createVirtqueue({
    memory,
    size: SIZE,
    base: changes.packed ? 0x8000_8000 : 0,
    descriptorAddress: DESCRIPTORS_AT,
    availableAddress: AVAILABLE_AT,
    usedAddress: USED_AT,
    packed: false,
    eventIndex: true,
    inOrder: false,
    mostWrittenBytes: LOG_PAGE_BYTES,
    ...changes,
  });
  if ("error" in queue) throw new Error(queue.error);
  const marked = () => {
    const pages = Array.from({ length: PAGES }, (_, page) => page)
      .filter((page) => (bits[page >> 3]! >> (page & 7) & 1) === 1);
    bits.fill(0);
    return pages;
  };
  return { region, queue, marked };
}

/** Makes a buffer of 16 pages available in descriptor `index` of a split ring. */
function offer({ region }: Logged, index: number): void {
  writeRawDescriptor(region, DESCRIPTORS_AT + 16 * index, {
    address: BigInt(DATA_PAGE * LOG_PAGE_BYTES + 1),
    lengthBytes: 16 * LOG_PAGE_BYTES,
    flags: WRITE,
  });
  const { view } = region;
  view.setUint16(AVAILABLE_AT + 4 + 2 * index, index, true);
  view.setUint16(AVAILABLE_AT + 2, index + 1, true);
}

Deno.test("a split ring marks its entries, index, event and what a chain was given", () => {
  const ring = loggedRing({});
  deepStrictEqual(ring.marked(), ALL_USED_PAGES);
  offer(ring, 0);
  const slot = ring.queue.pop();
  ok(slot >= 0);
  deepStrictEqual(ring.marked(), []);
  ring.queue.push(slot, 1);
  // As much as a service writes, and the status behind all that.
  deepStrictEqual(ring.marked(), [DATA_PAGE, DATA_PAGE + 1, DATA_PAGE + 16]);
  ring.queue.publish();
  deepStrictEqual(ring.marked(), [16]);
  ring.queue.publish();
  deepStrictEqual(ring.marked(), []);
  for (let index = 1; index < 600; index++) {
    offer(ring, index);
    ring.queue.push(ring.queue.pop(), 1);
  }
  ring.marked();
  ring.queue.publish();
  deepStrictEqual(ring.marked(), [16, 17]);
  ring.queue.enableNotifications();
  deepStrictEqual(ring.marked(), [16, 18]);
  ring.queue.disableNotifications();
  deepStrictEqual(ring.marked(), [16, 18]);
});

Deno.test("a split ring marks where the front-end has it logged", () => {
  const ring = loggedRing({ usedLogAddress: 40 * LOG_PAGE_BYTES });
  deepStrictEqual(ring.marked(), [40, 41, 42]);
  offer(ring, 0);
  ring.queue.push(ring.queue.pop(), 1);
  ring.marked();
  ring.queue.publish();
  deepStrictEqual(ring.marked(), [40]);
  const outside = loggedRing({ usedLogAddress: Number.NaN });
  deepStrictEqual(outside.marked(), []);
});

Deno.test("a packed ring marks its descriptors, round the end, and its event", () => {
  const ring = loggedRing({ packed: true });
  deepStrictEqual(ring.marked(), [0, 1, 2, 3, 16]);
  for (let index = 0; index < SIZE; index++) {
    writeRawPackedDescriptor(ring.region, 16 * index, {
      address: BigInt(DATA_PAGE * LOG_PAGE_BYTES),
      lengthBytes: 1,
      id: index,
      flags: WRITE | AVAILABLE,
    });
    ring.queue.push(ring.queue.pop(), 1);
    if (index === SIZE - 2) {
      ring.queue.publish();
      ring.marked();
    }
  }
  deepStrictEqual(ring.marked(), [DATA_PAGE]);
  ring.queue.publish();
  deepStrictEqual(ring.marked(), [3]);
  ring.queue.enableNotifications();
  deepStrictEqual(ring.marked(), [16]);
  ring.queue.disableNotifications();
  deepStrictEqual(ring.marked(), [16]);
});
