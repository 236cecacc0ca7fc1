import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { RawPackedRing } from "../../testing/raw_ring.ts";
import { makeTestRings } from "../../testing/ring_sides.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import { inflightFields, inflightPartBytes } from "./inflight_part.ts";
import {
  beginPackedInflight,
  readPackedLists,
  recoverPackedInflight,
} from "./packed_inflight_part.ts";
import { USED_JOURNAL_BYTES, UsedJournal } from "./used_journal.ts";
import type { Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

const SIZE = 4;
/** A region may have room for more than the ring. */
const PART_SIZE = 6;
/** At the last descriptor: what is taken goes on in the next lap. */
const START = 0x8003_8003;
/** Flags of a descriptor (virtio 1.4 §2.8). */
const NEXT = 1;
const WRITE = 2;
const AVAILABLE = 1 << 7;
const USED = 1 << 15;

const partOf = (size: number) =>
  new Uint8Array(new ArrayBuffer(inflightPartBytes(size, true)));

/** Fields where the standard has them (vhost-user, "Inflight I/O tracking"). */
function toldBy(part: Uint8Array<ArrayBuffer>) {
  const view = new DataView(part.buffer);
  const word = (at: number) => view.getUint16(at, true);
  const headers = () => ({
    free: [word(12), word(14)],
    used: [word(16), word(18)],
    wraps: [part[20], part[21]],
  });
  const entry = (number: number) => {
    const at = 32 + 32 * number;
    return {
      inflight: part[at],
      next: word(at + 2),
      last: word(at + 4),
      count: word(at + 6),
      counter: view.getBigUint64(at + 8, true),
    };
  };
  const descriptor = (number: number) => {
    const at = 32 + 32 * number;
    return {
      id: word(at + 16),
      flags: word(at + 18),
      lengthBytes: view.getUint32(at + 20, true),
      address: view.getBigUint64(at + 24, true),
    };
  };
  const next = (...entries: number[]) =>
    entries.map((each) => entry(each).next);
  const marked = () =>
    part.filter((byte, i) => i >= 32 && i % 32 === 0 && byte === 1).length;
  return { view, headers, entry, descriptor, next, marked };
}

/** A descriptor whose bytes are all of some use. */
const descriptorAt = (index: number, flags: number) => ({
  address: 0x0123_4567_89ab_cd00n + BigInt(index),
  lengthBytes: 0x0002_0010 + index,
  id: 0x5050 + index,
  flags,
});

/** A packed ring that is tracked, whose driver is written by hand. */
function trackedRing(partSize = PART_SIZE) {
  const { region, memory, driver } = makeTestRings({
    size: SIZE,
    packed: true,
  });
  const raw = new RawPackedRing(region, 0, SIZE);
  const part = partOf(partSize);
  beginPackedInflight(part, partSize, START);
  const serve = (options: Partial<VirtqueueOptions> = {}): Virtqueue => {
    const ring = createVirtqueue({
      size: SIZE,
      packed: true,
      eventIndex: false,
      inOrder: false,
      ...driver.addresses,
      memory,
      base: START,
      inflight: part,
      ...options,
    });
    ok(!("error" in ring));
    return ring;
  };
  /** By index. */
  const put = (flags: Record<number, number>) => {
    for (const [index, each] of Object.entries(flags)) {
      raw.descriptor(+index, descriptorAt(+index, each));
    }
  };
  const flags = (): number[] =>
    [0, 1, 2, 3].map((index) => raw.read(index).flags);
  const recover = () =>
    recoverPackedInflight(part, SIZE, (index) => raw.read(index).flags);
  return { region, part, serve, put, flags, recover, told: toldBy(part) };
}

/** Takes so many lists. */
function taken(ring: Virtqueue, count: number): Int32Array<ArrayBuffer> {
  const slots = new Int32Array(count);
  for (let i = 0; i < count; i++) slots[i] = ring.pop();
  ok(slots.every((slot) => slot >= 0), `${slots} ${ring.broken}`);
  return slots;
}

function answer(ring: Virtqueue, ...slots: number[]): void {
  ring.give(Int32Array.from(slots), new Int32Array(slots.length), slots.length);
  ring.publish();
}

Deno.test("what is under way is written down where the standard has it", () => {
  const { put, serve, told } = trackedRing();
  put({ 3: AVAILABLE | NEXT, 0: USED | WRITE, 1: USED });
  const ring = serve();
  const slots = taken(ring, 2);
  deepStrictEqual(told.headers(), {
    free: [3, 3],
    used: [3, 3],
    wraps: [1, 1],
  });
  deepStrictEqual([told.entry(0), told.entry(2)], [
    { inflight: 1, next: 1, last: 1, count: 2, counter: 1n },
    { inflight: 1, next: 3, last: 2, count: 1, counter: 2n },
  ]);
  deepStrictEqual([0, 1, 2].map(told.descriptor), [
    descriptorAt(3, AVAILABLE | NEXT),
    descriptorAt(0, USED | WRITE),
    descriptorAt(1, USED),
  ]);
  answer(ring, slots[1]!);
  deepStrictEqual(told.headers(), {
    free: [2, 2],
    used: [0, 0],
    wraps: [0, 0],
  });
  deepStrictEqual([0, 1, 2].map((each) => told.entry(each).inflight), [
    1,
    0,
    0,
  ]);
  deepStrictEqual(told.next(0, 1, 2), [1, 2, 3]);
});

Deno.test("what was left is put back as it was, and numbers go on behind it", () => {
  const { region, put, serve, recover, told } = trackedRing();
  put({ 3: AVAILABLE | NEXT, 0: USED | WRITE, 1: USED });
  taken(serve(), 2);
  const before = region.bytes.slice(0, 16 * SIZE);
  region.bytes.fill(0xee, 0, 16 * SIZE);
  deepStrictEqual(recover(), { base: START, count: 2 });
  const ring = serve();
  for (const index of [3, 0, 1]) {
    const descriptor = (
      bytes: Uint8Array,
    ) => [...bytes.subarray(16 * index, 16 * index + 16)];
    deepStrictEqual(descriptor(region.bytes), descriptor(before), `${index}`);
  }
  put({ 2: USED });
  const slots = taken(ring, 3);
  strictEqual(told.entry(3).counter, 3n);
  deepStrictEqual(told.headers().free, [4, 4]);
  answer(ring, ...slots);
  strictEqual(told.marked(), 0);
});

Deno.test("a list that is shorter than the one that was left breaks the ring", () => {
  const { put, serve } = trackedRing();
  put({ 3: AVAILABLE | NEXT, 0: USED });
  taken(serve(), 1);
  const ring = serve();
  put({ 3: AVAILABLE });
  ok(ring.pop() < 0);
  match(String(ring.broken), /a list of 2 descriptors .* is not whole/);
});

Deno.test("what is free is linked anew by the next process", () => {
  const { put, serve, recover, told } = trackedRing();
  put({ 3: AVAILABLE, 0: USED, 1: USED });
  const ring = serve();
  const slots = taken(ring, 3);
  answer(ring, slots[0]!, slots[2]!);
  deepStrictEqual([told.headers().free, told.next(2, 0)], [[2, 2], [0, 3]]);
  deepStrictEqual(recover(), { base: 0x0001_0001, count: 1 });
  serve({ base: 0x0001_0001 });
  deepStrictEqual(told.headers().free, [0, 0]);
  deepStrictEqual(told.next(0, 2, 3, 4, 5), [2, 3, 4, 5, 6]);
});

Deno.test("in order, what is shown in the next lap is no longer under way, and no more", () => {
  const { put, serve, told } = trackedRing();
  put({ 3: AVAILABLE | NEXT, 0: USED, 1: USED });
  const ring = serve({ inOrder: true });
  answer(ring, taken(ring, 2)[0]!);
  deepStrictEqual(told.headers().used, [1, 1]);
  deepStrictEqual([told.entry(0).inflight, told.entry(2).inflight], [0, 1]);
});

Deno.test("answers that were not shown are taken back where a thread is stuck", () => {
  const { put, serve, flags } = trackedRing();
  put({ 3: AVAILABLE, 0: USED, 1: USED });
  taken(serve(), 3);
  // Two of three are answered; of the fourth nothing is under way.
  put({ 3: AVAILABLE | USED, 0: USED, 1: NEXT, 2: 0 });
  serve({ takesAgain: false });
  deepStrictEqual(flags(), [USED, USED | NEXT, 0, AVAILABLE]);
});

for (const [partSize, room] of [[SIZE, 2], [PART_SIZE, 4]] as const) {
  Deno.test(`lists are marked as far as a region of ${partSize} has room beside what is stuck`, () => {
    const { put, serve, told } = trackedRing(partSize);
    put({ 3: AVAILABLE, 0: USED });
    const first = serve();
    taken(first, 2);
    const second = serve({ base: first.base, takesAgain: false });
    // More than a driver has that keeps to its ring.
    put({ 1: USED, 2: USED, 3: USED, 0: AVAILABLE });
    for (let lap = 0; lap < 2; lap++) {
      const slots = taken(second, 4);
      strictEqual(told.marked(), 2 + room);
      answer(second, ...slots);
      strictEqual(told.marked(), 2);
      put({ 1: AVAILABLE, 2: AVAILABLE, 3: AVAILABLE, 0: USED });
    }
  });
}

Deno.test("what a journal has shown is behind where a tracked ring begins", () => {
  const { put, serve, told } = trackedRing();
  put({ 3: AVAILABLE, 0: USED });
  const journal = new UsedJournal(new Int32Array(USED_JOURNAL_BYTES / 4));
  journal.reset(START);
  journal.entries[0] = 0x5053 | 1 << 16;
  journal.count = 1;
  journal.commit(START);
  serve({ journal, inOrder: true });
  deepStrictEqual(told.headers(), {
    free: [0, 0],
    used: [0, 0],
    wraps: [0, 0],
  });
});

Deno.test("a part begins where the used half of a base says", () => {
  const part = partOf(PART_SIZE);
  beginPackedInflight(part, PART_SIZE, 0x8003_0001);
  const { headers, next, view } = toldBy(part);
  deepStrictEqual(headers(), { free: [0, 0], used: [3, 3], wraps: [1, 1] });
  deepStrictEqual(next(0, 1, 2, 3, 4, 5), [1, 2, 3, 4, 5, 6]);
  deepStrictEqual([view.getUint16(8, true), view.getUint16(10, true)], [1, 6]);
  beginPackedInflight(part, PART_SIZE, 0x0002_8001);
  deepStrictEqual(headers(), { free: [0, 0], used: [2, 2], wraps: [0, 0] });
});

Deno.test("a batch of a whole lap was shown or was not, by the flags of its first", () => {
  for (const wasShown of [false, true]) {
    const { put, part, recover, told } = trackedRing();
    put({ 3: wasShown ? AVAILABLE | USED : AVAILABLE });
    part[20] = 0;
    const base = wasShown ? 0x0003_0003 : START;
    deepStrictEqual(recover(), { base, count: 0 });
    const wrap = wasShown ? 0 : 1;
    deepStrictEqual(told.headers().wraps, [wrap, wrap]);
  }
});

Deno.test("what was answered and not about to be shown is still under way", () => {
  // Whatever a driver has put there since, and another in the fields' other bits.
  for (const [wraps, flags] of [[1, 0], [3, AVAILABLE]] as const) {
    const { part, put, serve, recover, told } = trackedRing();
    put({ 3: AVAILABLE, 0: USED });
    const ring = serve();
    ring.give(taken(ring, 2), new Int32Array(1), 1);
    deepStrictEqual(told.headers().free, [0, 2]);
    part.fill(wraps, 20, 22);
    put({ 3: flags });
    deepStrictEqual(recover(), { base: START, count: 2 });
  }
});

Deno.test("a part of a longer ring is refused, and entries that it has not are not read", () => {
  for (const at of [16, 18]) {
    const { recover, told } = trackedRing();
    told.view.setUint16(at, SIZE, true);
    match(String(recover()), /of a longer ring/);
  }
  const part = partOf(PART_SIZE);
  beginPackedInflight(part, PART_SIZE - 1, START);
  const { view } = toldBy(part);
  const entry = 32 + 32 * (PART_SIZE - 1);
  part[entry] = 1;
  view.setUint16(entry + 6, 1, true);
  const found = recoverPackedInflight(part, SIZE, () => AVAILABLE);
  deepStrictEqual(found, { base: START, count: 0 });
});

/** A part without free entries, of lists with these first ones. */
function partWith(
  ...lists: { at: number; entries: number; counter?: bigint; next?: number }[]
) {
  const part = partOf(PART_SIZE);
  beginPackedInflight(part, PART_SIZE, START);
  const { view } = toldBy(part);
  for (const at of [12, 14]) view.setUint16(at, PART_SIZE, true);
  for (const { at, entries, counter = 0n, next = at + 1 } of lists) {
    const entry = 32 + 32 * at;
    part[entry] = 1;
    view.setUint16(entry + 2, next, true);
    view.setUint16(entry + 6, entries, true);
    view.setBigUint64(entry + 8, counter, true);
  }
  return part;
}

Deno.test("lists that were left are taken in their order", () => {
  const part = partWith(
    { at: 0, entries: 1, counter: 9n },
    { at: 2, entries: 2, counter: 4n },
    { at: 1, entries: 1, counter: 2n ** 40n },
  );
  const lists = readPackedLists(inflightFields(part), PART_SIZE, SIZE);
  ok(typeof lists !== "string");
  deepStrictEqual(lists.map(({ entries }) => entries), [[2, 3], [0], [1]]);
});

Deno.test("lists that contradict each other are refused", () => {
  const refused = (...lists: Parameters<typeof partWith>) => {
    const fields = inflightFields(partWith(...lists));
    match(
      String(readPackedLists(fields, PART_SIZE, SIZE)),
      /contradict each other/,
    );
  };
  refused({ at: 0, entries: 0 });
  refused({ at: PART_SIZE - 1, entries: 2 });
  refused({ at: 0, entries: 2, next: 0 });
  refused({ at: 0, entries: 2 }, { at: 1, entries: 1 });
  refused({ at: 0, entries: 3 }, { at: 3, entries: 2 });
});
