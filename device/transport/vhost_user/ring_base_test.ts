import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Region } from "../../../memory/region.ts";
import { GuestMemory } from "../../ring/guest_memory.ts";
import { startOf } from "../../ring/ring_start.ts";
import { USED_JOURNAL_BYTES, UsedJournal } from "../../ring/used_journal.ts";
import {
  baseText,
  begunRequests,
  flagsAt,
  requestsUpTo,
  restartPosition,
  ringPosition,
} from "./ring_base.ts";

const NEVER = undefined;
const SIZE = 4;
/** Flags of a packed ring's descriptor (virtio 1.4 §2.8). */
const NEXT = 1;
const WRITE = 2;
const AVAILABLE = 1 << 7;
const USED = 1 << 15;

/** Memory up to 64 KiB, and where a ring's parts are in it. */
function ringInMemory() {
  const region = new Region(new Uint8Array(0x1_0000));
  const memory = new GuestMemory();
  const place = { guestAddress: 0, userAddress: 0, lengthBytes: 0x1_0000 };
  strictEqual(memory.add({ ...place, region }), undefined);
  const areas = {
    descriptorAddress: 0x1000,
    availableAddress: 0x2000,
    usedAddress: 0x3000,
  };
  return { memory, areas, view: region.view };
}

const OUTSIDE = {
  descriptorAddress: 0x1_0000,
  availableAddress: 0x2_0000,
  usedAddress: 0x3_0000,
};

/** A packed ring whose descriptors have these flags. */
function packedRing(...flags: number[]) {
  const { memory, areas, view } = ringInMemory();
  flags.forEach((each, i) => {
    view.setUint16(areas.descriptorAddress + 16 * i + 14, each, true);
  });
  return { memory, areas };
}

/** A journal of a ring at `position`, with used descriptors for so many each. */
function journalAt(position: number, ...unshown: number[]): UsedJournal {
  const journal = new UsedJournal(new Int32Array(USED_JOURNAL_BYTES / 4));
  journal.reset(position);
  unshown.forEach((descriptors, i) => {
    journal.entries[2 * i] = 0xff | descriptors << 16;
    journal.count++;
  });
  if (unshown.length > 0) journal.commit(position);
  return journal;
}

Deno.test("a ring of which no base was told starts at its start", () => {
  strictEqual(ringPosition(undefined, NEVER, 64, false), 0);
  strictEqual(ringPosition(undefined, NEVER, 64, true), 0x8000_8000);
  strictEqual(startOf(true), 0x8000_8000);
});

Deno.test("a packed ring's 16-bit start and 0 are its start, unless it stopped there", () => {
  for (const base of [0, 0x8000]) {
    strictEqual(ringPosition(base, NEVER, 64, true), 0x8000_8000);
    strictEqual(ringPosition(base, 0x8005_8005, 64, true), 0x8000_8000);
    strictEqual(ringPosition(base, base, 64, true), base);
  }
});

Deno.test("a position that a ring can stand at is taken as it is", () => {
  for (const base of [0x8005_8005, 0x0005_0005, 0x803f_803f]) {
    strictEqual(ringPosition(base, NEVER, 64, true), base);
  }
  strictEqual(ringPosition(0xffff, NEVER, 64, false), 0xffff);
});

Deno.test("a 16-bit base that is half of where the ring stopped is all of it", () => {
  strictEqual(ringPosition(0x8005, 0x8005_8005, 64, true), 0x8005_8005);
  strictEqual(ringPosition(0x0005, 0x0005_0005, 64, true), 0x0005_0005);
  strictEqual(ringPosition(0x8005, 0x8002_8005, 64, true), 0x8002_8005);
});

Deno.test("a position that no ring can stand at is refused with the reason", () => {
  const refused = (base: number, packed: boolean, reason: RegExp) =>
    match(String(ringPosition(base, NEVER, 64, packed)), reason);
  refused(0x1_0000, false, /base 0x10000 is past 16 bits/);
  refused(0x8040_8040, true, /base 0x80408040 is outside the ring/);
  refused(0x0000_8040, true, /outside the ring/);
  refused(0x8040_8005, true, /outside the ring/);
  refused(0x0000_8005, true, /base 0x8005 has descriptors under way/);
  refused(0x8000_8005, true, /under way/);
  refused(0x0005_8005, true, /under way/);
});

Deno.test("a broken ring goes back to where it stopped, whatever is under way", () => {
  strictEqual(ringPosition(0x8000_8005, 0x8000_8005, 64, true), 0x8000_8005);
});

Deno.test("a split ring goes on behind what its used ring says, and nowhere without one", () => {
  const { memory, areas, view } = ringInMemory();
  view.setUint16(areas.usedAddress, 1, true);
  view.setUint16(areas.usedAddress + 2, 0x1234, true);
  strictEqual(restartPosition(memory, areas, SIZE, false), 0x1234);
  const refused = restartPosition(memory, OUTSIDE, SIZE, false);
  match(String(refused), /the used ring is outside/);
});

Deno.test("a packed ring goes on where its journal says, if a ring can stand there", () => {
  const { memory, areas } = ringInMemory();
  const restart = (position: number) =>
    restartPosition(memory, areas, SIZE, journalAt(position));
  for (const position of [0x8003_8003, 0x0000_0000, 0x0003_0003]) {
    strictEqual(restart(position), position);
  }
  for (const position of [0x8004_8004, 0x8003_8002, 0x8003_0003]) {
    match(String(restart(position)), /a journal at 0x\w+ of a ring of 4/);
  }
});

Deno.test("all requests that a split ring has available may have been begun", () => {
  const { memory, areas, view } = ringInMemory();
  const begun = (index: number, base: number) => {
    view.setUint16(areas.availableAddress + 2, index, true);
    return begunRequests(memory, areas, SIZE, base, undefined);
  };
  view.setUint16(areas.availableAddress, 1, true);
  deepStrictEqual(
    [begun(7, 7), begun(8, 7), begun(1, 0xfffe), begun(0x1203, 0x1200)],
    [0, 1, 3, 3],
  );
  strictEqual(begunRequests(memory, OUTSIDE, SIZE, 7, undefined), 0);
});

/** From descriptor 2 on: two lists of one, and one of two in the next lap. */
const THREE_LISTS = [
  NEXT | USED,
  WRITE | USED,
  AVAILABLE,
  AVAILABLE,
] as const;

Deno.test("all lists that a packed ring has available may have been begun", () => {
  const begun = (position: number, ...flags: number[]) => {
    const { memory, areas } = packedRing(...flags);
    const journal = journalAt(position);
    return begunRequests(memory, areas, SIZE, position, journal);
  };
  strictEqual(begun(0x8002_8002, ...THREE_LISTS), 3);
  const each = (flags: number) => Array<number>(SIZE).fill(flags);
  strictEqual(begun(0x8000_8000, ...each(AVAILABLE)), SIZE);
  strictEqual(begun(0x0001_0001, USED, AVAILABLE, AVAILABLE, AVAILABLE), 0);
  strictEqual(begun(0x0000_0000, ...each(USED)), SIZE);
  // Neither what is used nor what is of another lap ends the count too late.
  strictEqual(begun(0x8002_8002, AVAILABLE | USED, ...THREE_LISTS.slice(1)), 2);
  strictEqual(begun(0x8002_8002, AVAILABLE, ...THREE_LISTS.slice(1)), 2);
  // A list that is not whole is none.
  strictEqual(begun(0x8003_8003, 0, 0, 0, AVAILABLE | NEXT), 0);
  const { memory } = ringInMemory();
  const journal = journalAt(0x8000_8000);
  strictEqual(begunRequests(memory, OUTSIDE, SIZE, 0x8000_8000, journal), 0);
});

Deno.test("what a packed ring was about to show is not counted as begun", () => {
  const { memory, areas } = packedRing(...THREE_LISTS);
  const begun = (...unshown: number[]) => {
    const journal = journalAt(0x8002_8002, ...unshown);
    return begunRequests(memory, areas, SIZE, 0x8002_8002, journal);
  };
  deepStrictEqual([begun(1), begun(2), begun(1, 1)], [2, 1, 1]);
  strictEqual(begun(1, 1, 2), 0);
});

Deno.test("requests up to one are counted across the end of a split ring's numbers", () => {
  const { memory, areas } = ringInMemory();
  const split = { size: SIZE, packed: false };
  const upTo = (position: number) =>
    requestsUpTo(memory, areas, split, 0xfffe, position);
  deepStrictEqual([0xfffe, 0xffff, 0, 1].map(upTo), [1, 2, 3, 4]);
  deepStrictEqual([2, 0xfffd].map(upTo), [0, 0]);
});

Deno.test("requests up to one are counted across the end of a packed ring", () => {
  const { memory, areas } = packedRing(...THREE_LISTS);
  const packed = { size: SIZE, packed: true };
  const upTo = (position: number) =>
    requestsUpTo(memory, areas, packed, 0x8002_8002, position);
  deepStrictEqual([0x8002, 0x8003, 0, 1].map(upTo), [1, 2, 3, 3]);
  deepStrictEqual([2, 0x8000, 0x8001].map(upTo), [0, 0, 0]);
});

Deno.test("a packed descriptor's flags are found in either lap, and are none outside", () => {
  const { memory, areas } = packedRing(0x1234, 0x5678);
  deepStrictEqual(
    [0, 0x8000, 1, 0x8001].map((position) => flagsAt(memory, areas, position)),
    [0x1234, 0x1234, 0x5678, 0x5678],
  );
  strictEqual(flagsAt(memory, OUTSIDE, 0), 0);
});

Deno.test("a log names a packed ring's base in hexadecimal digits", () => {
  strictEqual(baseText(true, 0x8005_8005), "0x80058005");
  strictEqual(baseText(false, 0x8005), "32773");
});
