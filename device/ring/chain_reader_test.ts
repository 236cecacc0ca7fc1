import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";

import { RANGE_NOTE, RANGE_WORDS } from "../../memory/range_lists.ts";
import { Region } from "../../memory/region.ts";
import { ChainReader } from "./chain_reader.ts";
import { JoinedChains } from "./joined_chains.ts";
import { ChainSlots } from "./chain_slots.ts";
import { GuestMemory } from "./guest_memory.ts";

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const SIZE = 8;
const REGION_BYTES = 4096;
/** Two regions that adjoin, and one whose addresses have the same lower word. */
const LOW = 0x1_2345_0000;
const HIGH = LOW + 2 ** 32;
const TABLE = 256;
const DATA = 1024;

interface Descriptor {
  address: number;
  lengthBytes: number;
  flags: number;
  next: number;
}

function makeMemory() {
  const memory = new GuestMemory();
  const regions = [LOW, LOW + REGION_BYTES, HIGH].map((guestAddress) => {
    const region = new Region(new Uint8Array(REGION_BYTES));
    memory.add({
      guestAddress,
      userAddress: guestAddress,
      lengthBytes: REGION_BYTES,
      region,
    });
    return region;
  });
  return { memory, table: regions[0]!, high: regions[2]! };
}

function write(
  view: DataView,
  offset: number,
  { address, lengthBytes, flags, next }: Descriptor,
  packed: boolean,
): void {
  view.setBigUint64(offset, BigInt(address), true);
  view.setUint32(offset + 8, lengthBytes, true);
  view.setUint16(offset + 12, packed ? next : flags, true);
  view.setUint16(offset + 14, packed ? flags : next, true);
}

/** Parts of a usual chain, apart or some of them right behind each other. */
const PLACES = [
  [0, 128, 256, 384, 512],
  [0, 72, 256, 384, 448],
  [0, 128, 256, 320, 512],
  [0, 72, 88, 152, 216],
];

/** A request as drivers send it: header, IV and source, result and status. */
const usual = (places = PLACES[0]!): Descriptor[] =>
  [72, 16, 64, 64, 1].map((lengthBytes, i) => ({
    address: LOW + DATA + places[i]!,
    lengthBytes,
    flags: (i < 4 ? NEXT : 0) | (i > 2 ? WRITE : 0),
    next: i + 1,
  }));

/** What a slot says of its chain; where with a fault, no more than that. */
function told(slots: ChainSlots, slot: number, packed: boolean) {
  const { block, starts, ends } = slots.lists;
  const status = slots.statusRegions[slot]!;
  return {
    fault: slots.faults[slot],
    ranges: [...block.subarray(starts[slot], ends[slot])]
      .filter((_, i) => i % RANGE_WORDS !== RANGE_NOTE),
    readableWords: slots.readableWords[slot],
    readableBytes: slots.readableBytes[slot],
    writableBytes: slots.writableBytes[slot],
    status: [status, status < 0 ? 0 : slots.statusOffsets[slot]],
    ...(packed && {
      head: slots.heads[slot],
      ringDescriptors: slots.ringDescriptors[slot],
    }),
  };
}

const FORMATS = [
  { name: "split", packed: false, direct: false },
  { name: "split, without a table", packed: false, direct: true },
  { name: "packed", packed: true, direct: false },
];

for (const { name, packed, direct } of FORMATS) {
  Deno.test(`a chain is read as if no other had been in its slot: ${name}`, () => {
    const { memory, table } = makeMemory();
    const ring = new Int32Array(4 * SIZE);
    const ringView = new DataView(ring.buffer);
    const slots = new ChainSlots();
    const reader = new ChainReader(memory, slots, ring, SIZE, packed);
    let state = 11;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor(state / 2 ** 32 * below);
    };
    const pick = <Value>(values: readonly Value[]) =>
      values[random(values.length)]!;
    const change = (descriptor: Descriptor) => {
      const { address } = descriptor;
      switch (random(4)) {
        case 0:
          descriptor.address = pick([
            address + 4 * random(8),
            address + 2 ** 32,
            address + REGION_BYTES - DATA,
            LOW + REGION_BYTES - pick([1, 2, 16, 64, 72]),
            HIGH + REGION_BYTES - pick([1, 16, 64]),
            LOW - 8,
            2 ** 31,
            LOW + DATA + 72,
          ]);
          return;
        case 1:
          descriptor.lengthBytes = pick([
            0,
            1,
            8,
            63,
            65,
            2 ** 31,
            2 ** 32 - 1,
          ]);
          return;
        case 2:
          descriptor.flags ^= pick([NEXT, WRITE, INDIRECT, 8, 1 << 7, 1 << 15]);
          return;
        default:
          descriptor.next = random(7);
      }
    };
    let repeated = 0;
    let places = PLACES[0];
    for (let round = 0; round < 20_000; round++) {
      if (random(20) === 0) places = pick(PLACES);
      const chain = usual(places);
      for (let left = pick([0, 0, 1, 1, 2]); left > 0; left--) {
        change(pick(chain));
      }
      if (random(8) === 0) chain.length = 1 + random(5);
      chain.forEach((one, i) => write(table.view, TABLE + 16 * i, one, packed));
      const reference = {
        address: pick([LOW + TABLE, LOW + TABLE, LOW + TABLE, LOW + TABLE + 2]),
        lengthBytes: 16 * chain.length + pick([0, 0, 0, 0, 0, 0, 8]),
        flags: INDIRECT | pick([0, 0, 0, 0, 0, 0, 0, NEXT, WRITE]),
        next: random(9),
      };
      if (direct) {
        chain.forEach((one, i) => write(ringView, 16 * i, one, packed));
      } else {
        write(ringView, 0, reference, packed);
        write(ringView, 16, { ...chain[0]!, flags: 0 }, packed);
      }
      const [slot, firsts] = [new Int32Array(1), new Int32Array(1)];
      const alike = reader.followAlike(slot, firsts, 0, 1, 1);
      if (alike === 0) ok(reader.follow(0, 0, SIZE));
      repeated += alike;
      const alone = new ChainSlots();
      ok(new ChainReader(memory, alone, ring, SIZE, packed).follow(0, 0, SIZE));
      deepStrictEqual(told(slots, 0, packed), told(alone, 0, packed));
      slots.lists.release(0);
    }
    ok(repeated > 1000, `${repeated} chains were like the last`);
  });
}

Deno.test("descriptors that change behind the walk are not taken for those of its ranges", () => {
  const { memory, table } = makeMemory();
  const ring = new Int32Array(4 * SIZE);
  const slots = new ChainSlots();
  const reader = new ChainReader(memory, slots, ring, SIZE, false);
  const chain = usual([0, 72, 256, 384, 448]);
  const writeTable = () =>
    chain.forEach((one, i) => write(table.view, TABLE + 16 * i, one, false));
  const lengthBytes = 16 * chain.length;
  const list = { address: LOW + TABLE, lengthBytes, flags: INDIRECT, next: 0 };
  write(new DataView(ring.buffer), 0, list, false);
  writeTable();
  ok(reader.follow(0, 0, SIZE));
  const place = slots.lists.block[0]!;
  const remembers = () => {
    writeTable();
    const joined = new JoinedChains(memory, slots, ring, false);
    joined.remember(0, chain.length, place, TABLE / 4);
    return joined.has(0);
  };
  ok(remembers());
  const { address } = chain[0]!;
  const changes: Record<number, Partial<Descriptor>>[] = [
    { 2: { lengthBytes: 65 } },
    { 2: { flags: NEXT | WRITE } },
    { 2: { flags: NEXT | INDIRECT } },
    { 2: { next: 0 } },
    { 4: { flags: WRITE | NEXT } },
    { 4: { flags: WRITE | INDIRECT } },
    // Elsewhere, as the first of its range and as a part of one.
    { 2: { address: HIGH + DATA + 256 } },
    { 2: { address: address + 260 } },
    { 1: { address: address + 76 } },
    // More than the range by what the one before is less than nothing.
    {
      0: { lengthBytes: 2 ** 32 - 16 },
      1: { address: address - 16, lengthBytes: 104 },
    },
    // Not all of the last range, and not the last range.
    { 3: { lengthBytes: 63 }, 4: { address: address + 447 } },
    {
      1: { lengthBytes: 8 },
      2: { address: address + 80, lengthBytes: 8 },
      3: { address: address + 256, lengthBytes: 32, flags: NEXT },
      4: { address: address + 288, lengthBytes: 32, flags: 0 },
    },
  ];
  const before = structuredClone(chain);
  for (const change of changes) {
    chain.forEach((each, at) => Object.assign(each, before[at], change[at]));
    ok(!remembers(), JSON.stringify(change));
  }
});

Deno.test("ranges that are not as many descriptors are no chain to be like", () => {
  const { memory } = makeMemory();
  const ring = new Int32Array(4 * SIZE);
  const view = new DataView(ring.buffer);
  const slots = new ChainSlots();
  const reader = new ChainReader(memory, slots, ring, SIZE, false);
  /** From addresses below or above the boundary of two regions. */
  const read = (
    ...chain: [from: number, lengthBytes: number, flags: number][]
  ) => {
    chain.forEach(([from, lengthBytes, flags], i) => {
      const address = LOW + REGION_BYTES + from;
      write(view, 16 * i, { address, lengthBytes, flags, next: i + 1 }, false);
    });
    const [slot, firsts] = [new Int32Array(1), new Int32Array(1)];
    const alike = reader.followAlike(slot, firsts, 0, 1, 1);
    if (alike === 0) ok(reader.follow(0, 0, SIZE));
    const { readableBytes, writableBytes } = told(slots, 0, false);
    return { readableBytes, writableBytes };
  };
  // One descriptor is two ranges, the other none. Then three have one each.
  read([-64, 128, NEXT], [0, 0, 0]);
  deepStrictEqual(read([-64, 64, NEXT], [0, 64, NEXT], [128, 1, WRITE]), {
    readableBytes: 128,
    writableBytes: 1,
  });
  // Two are one range, the next is two. Then it ends with its second.
  read([-256, 64, NEXT], [-192, 64, NEXT], [-64, 128, 0]);
  deepStrictEqual(read([-256, 128, NEXT], [-64, 64, 0], [0, 64, 0]), {
    readableBytes: 192,
    writableBytes: 0,
  });
});

/** Reads tables that are all at one place, into any slot. */
function tableReader(packed: boolean, isHigh: boolean) {
  const { memory, table, high } = makeMemory();
  const ring = new Int32Array(4 * SIZE);
  const slots = new ChainSlots();
  const reader = new ChainReader(memory, slots, ring, SIZE, packed);
  const { view } = isHigh ? high : table;
  const above = isHigh ? HIGH - LOW : 0;
  /** Whether it was like the last one in its slot; `named` by another reference. */
  const isAlike = (
    slot: number,
    chain: readonly Descriptor[],
    named: Partial<Descriptor> = {},
  ): boolean => {
    chain.forEach((one, i) => {
      const moved = { ...one, address: one.address + above };
      write(view, TABLE + 16 * i, moved, packed);
    });
    const reference = {
      address: LOW + TABLE + above,
      lengthBytes: 16 * chain.length,
      flags: INDIRECT,
      next: 9,
    };
    const ringView = new DataView(ring.buffer);
    for (let i = 0; i < SIZE; i++) write(ringView, 16 * i, reference, packed);
    write(ringView, 0, { ...reference, ...named }, packed);
    const [into, firsts] = [Int32Array.of(slot), new Int32Array(1)];
    const alike = reader.followAlike(into, firsts, 0, 1, 1);
    if (alike === 0) ok(reader.follow(slot, 0, SIZE));
    return alike === 1;
  };
  return { memory, slots, reader, isAlike };
}

/** One range in pieces, and a status. */
const pieces = (descriptors: number): Descriptor[] =>
  Array.from({ length: descriptors }, (_, i) => {
    const isLast = i === descriptors - 1;
    return {
      address: LOW + DATA + (isLast ? 512 : 8 * i),
      lengthBytes: 8,
      flags: isLast ? WRITE : NEXT,
      next: i + 1,
    };
  });

for (const packed of [false, true]) {
  const form = packed ? "packed" : "split";
  Deno.test(`chains as drivers send them are known again, each in its slot: ${form}`, () => {
    const { slots, isAlike } = tableReader(packed, false);
    const atEnd = [...PLACES[0]!.slice(0, 4), REGION_BYTES - DATA - 1];
    for (const places of [...PLACES, atEnd]) {
      for (const slot of [0, 5, 63]) isAlike(slot, usual(places));
      for (const slot of [5, 63, 0]) {
        ok(isAlike(slot, usual(places)), `${places} in ${slot}`);
        strictEqual(slots.alike[slot], 1);
        strictEqual(slots.heads[slot], packed ? 9 : 0);
        strictEqual(slots.statusOffsets[slot], DATA + places[4]!);
      }
    }
  });

  Deno.test(`a burst is followed from where it is told to where it is told: ${form}`, () => {
    for (const places of PLACES) {
      const { slots, reader, isAlike } = tableReader(packed, false);
      const chosen = Int32Array.of(5, 6, 7, 8);
      const firsts = Int32Array.of(3, 1, 2, 4);
      for (const slot of chosen) isAlike(slot, usual(places));
      const follow = (from: number, count: number, mostBytes: number) => {
        slots.alike.fill(0);
        const done = reader.followAlike(chosen, firsts, from, count, mostBytes);
        const alike = [...chosen].map((slot) => slots.alike[slot]);
        return { done, alike, left: reader.leftBytes };
      };
      const bytes = 72 + 16 + 64;
      deepStrictEqual(follow(1, 3, 1000), {
        done: 3,
        alike: [0, 1, 1, 0],
        left: 1000 - 2 * bytes,
      });
      const { done, alike } = follow(0, 4, bytes + 1);
      deepStrictEqual([done, alike], [2, [1, 1, 0, 0]]);
      strictEqual(follow(0, 4, bytes).done, 1);
      if (packed) continue;
      deepStrictEqual([slots.heads[5], slots.heads[6]], [3, 1]);
    }
  });

  Deno.test(`a burst goes by what each slot has had last: ${form}`, () => {
    const { reader, isAlike } = tableReader(packed, false);
    const [apart, joined] = [usual(PLACES[0]), usual(PLACES[1])];
    const burst = (from: number) =>
      reader.followAlike(
        Int32Array.of(5, 6),
        Int32Array.of(1, 2),
        from,
        2,
        1000,
      );
    for (
      const [slot, chain] of [[6, joined], [6, apart], [5, joined]] as const
    ) {
      isAlike(slot, chain);
    }
    strictEqual(burst(0), 1);
    for (const [slot, chain] of [[5, apart], [6, joined]] as const) {
      isAlike(slot, chain);
    }
    strictEqual(burst(1), 2);
  });

  Deno.test(`a chain is known again up to the end of its memory: ${form}`, () => {
    const { isAlike } = tableReader(packed, false);
    for (const places of PLACES.slice(0, 2)) {
      const endingAt = (end: number) =>
        usual([...places.slice(0, 4), end - DATA]);
      isAlike(0, endingAt(REGION_BYTES - 8));
      ok(isAlike(0, endingAt(REGION_BYTES - 1)));
      ok(!isAlike(0, endingAt(REGION_BYTES)));
      isAlike(0, usual(places));
      const numbered = usual(places).map((one) => ({ ...one, next: 77 }));
      if (packed) {
        ok(isAlike(0, numbered), "identifiers in a table mean nothing");
      }
    }
  });

  Deno.test(`a table that is not like the last is none to go by: ${form}`, () => {
    for (const places of PLACES) {
      const { isAlike } = tableReader(packed, false);
      const chain = usual(places);
      for (
        const named of [
          { address: HIGH + TABLE },
          { address: LOW + TABLE + 2 },
          { address: LOW - 16 },
          { address: LOW + REGION_BYTES - 16 },
          { lengthBytes: 16 * 4 },
          { lengthBytes: 16 * 6 },
          { flags: INDIRECT | NEXT },
          { flags: 0 },
        ]
      ) {
        isAlike(0, chain);
        ok(isAlike(0, chain));
        ok(!isAlike(0, chain, named), JSON.stringify(named));
      }
    }
  });

  Deno.test(`pieces may be in any regions, and are known again in those: ${form}`, () => {
    const { isAlike } = tableReader(packed, false);
    for (const places of PLACES.slice(0, 3)) {
      for (const [first, moved] of [[0, 2], [2, 3], [3, 5]] as const) {
        const chain = usual(places).map((one, i) => ({
          ...one,
          address: one.address + (i >= first && i < moved ? HIGH - LOW : 0),
        }));
        isAlike(0, usual(places));
        ok(!isAlike(0, chain), `${places} from ${first}`);
        isAlike(0, chain);
        ok(isAlike(0, chain), `${places} from ${first}`);
      }
    }
  });

  Deno.test(`a chain of more pieces than a slot has room for harms no other's: ${form}`, () => {
    const { isAlike } = tableReader(packed, false);
    isAlike(0, pieces(20));
    ok(isAlike(0, pieces(20)));
    isAlike(1, usual(PLACES[1]));
    for (let i = 0; i < 2; i++) ok(!isAlike(0, pieces(21)));
    ok(isAlike(1, usual(PLACES[1])));
  });

  Deno.test(`what is known of chains stays when there are more slots: ${form}`, () => {
    for (const places of PLACES) {
      const { slots, isAlike } = tableReader(packed, false);
      isAlike(3, usual(places));
      slots.takeSome(new Int32Array(65), 0, 65);
      isAlike(3, usual(places));
      isAlike(64, usual(places));
      ok(isAlike(3, usual(places)), `${places}`);
      ok(isAlike(64, usual(places)), `${places}`);
    }
  });

  Deno.test(`no chain is like one of memory that is gone: ${form}`, () => {
    for (const places of PLACES) {
      const { memory, slots, isAlike } = tableReader(packed, true);
      isAlike(0, usual(places));
      ok(isAlike(0, usual(places)));
      for (const address of [LOW, LOW + REGION_BYTES]) {
        ok(memory.remove(address, address, REGION_BYTES));
      }
      ok(!isAlike(0, usual(places)));
      strictEqual(slots.lists.block[0], 0);
      ok(isAlike(0, usual(places)));
    }
  });
}

Deno.test("chains without a table are known again in a burst, each from its first", () => {
  const { memory } = makeMemory();
  const ring = new Int32Array(4 * SIZE);
  const view = new DataView(ring.buffer);
  const slots = new ChainSlots();
  const reader = new ChainReader(memory, slots, ring, SIZE, false);
  const put = (index: number, offset: number) => {
    const address = LOW + offset;
    const [source, status] = [{ lengthBytes: 64, flags: NEXT }, {
      lengthBytes: 1,
      flags: WRITE,
    }];
    const next = index + 1;
    write(view, 16 * index, { address: LOW, ...source, next }, false);
    write(view, 16 * next, { address, ...status, next: 0 }, false);
  };
  for (const [slot, first] of [[5, 0], [6, 3]] as const) {
    put(first, DATA);
    ok(reader.follow(slot, first, SIZE));
  }
  const follow = (...firsts: number[]) =>
    reader.followAlike(
      Int32Array.of(5, 6),
      Int32Array.from(firsts),
      0,
      firsts.length,
      1000,
    );
  deepStrictEqual([follow(3, 0), reader.leftBytes], [2, 1000 - 128]);
  deepStrictEqual([slots.heads[5], slots.heads[6]], [3, 0]);
  put(0, REGION_BYTES - 1);
  strictEqual(follow(0), 1);
  put(0, REGION_BYTES);
  strictEqual(follow(0), 0);
});
