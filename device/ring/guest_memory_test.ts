import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import { GuestMemory, MAX_GUEST_REGIONS } from "./guest_memory.ts";

const regionOf = (lengthBytes: number) =>
  new Region(new Uint8Array(lengthBytes));

function mapOf(...ranges: [guestAddress: number, lengthBytes: number][]) {
  const memory = new GuestMemory();
  for (const [guestAddress, lengthBytes] of ranges) {
    const region = regionOf(lengthBytes);
    const userAddress = guestAddress + 0x7f00_0000_0000;
    strictEqual(
      memory.add({ guestAddress, userAddress, lengthBytes, region }),
      undefined,
    );
  }
  return memory;
}

function pieces(list: Segments) {
  return Array.from(
    { length: list.count },
    (_, i) => [list.offset(i), list.lengthBytes(i)],
  );
}

Deno.test("what is added takes no place from what is there", () => {
  const memory = new GuestMemory();
  const region = (guestAddress: number) => ({
    guestAddress,
    userAddress: guestAddress,
    lengthBytes: 0x1000,
    region: new Region(new Uint8Array(0x1000)),
  });
  const first = region(2 ** 30);
  strictEqual(memory.add(first), undefined);
  const before = memory.table;
  strictEqual(memory.add(region(0x1000)), undefined);
  strictEqual(memory.add(region(2 ** 30 + 0x8000)), undefined);
  strictEqual(memory.table[0], before[0]);
  for (const [i, address] of [2 ** 30, 0x1000, 2 ** 30 + 0x8000].entries()) {
    ok(memory.find(address + 0xfff));
    strictEqual(memory.hit, i);
    strictEqual(memory.offsetInHit(address + 0xfff), 0xfff);
  }
  ok(!memory.find(2 ** 30 + 0x1000));
});

Deno.test("translate() crosses adjacent regions and stops at holes", () => {
  const memory = mapOf([0x3000, 0x1000], [0x1000, 0x1000], [0x2000, 0x1000]);
  const list = new Segments();
  strictEqual(memory.translate(0x1ff0, 0x1020, list), true);
  deepStrictEqual(pieces(list), [[0xff0, 0x10], [0, 0x1000], [0, 0x10]]);
  list.clear();
  strictEqual(memory.translate(0x3fff, 1, list), true);
  strictEqual(memory.translate(0x3fff, 2, new Segments()), false);
  strictEqual(memory.translate(0xfff, 2, new Segments()), false);
  strictEqual(memory.translate(0x4000, 1, new Segments()), false);
});

Deno.test("translate() of no bytes needs no memory", () => {
  const list = new Segments();
  strictEqual(mapOf().translate(2 ** 60, 0, list), true);
  strictEqual(list.count, 0);
});

Deno.test("translate() does not wrap at 2^32, 2^53 or 2^64", () => {
  const top = Number.MAX_SAFE_INTEGER;
  const memory = mapOf([0, 0x1000], [2 ** 32, 0x1000]);
  memory.add({
    guestAddress: top - 0x1000,
    userAddress: 0,
    lengthBytes: 0x1000,
    region: regionOf(0x1000),
  });
  const mapped = (address: number, lengthBytes: number) =>
    memory.translate(address, lengthBytes, new Segments());
  strictEqual(mapped(top - 0x1000, 0x1000), true);
  strictEqual(mapped(top - 0x1000, 0x1001), false);
  strictEqual(mapped(top - 1, 0xffff_ffff), false);
  strictEqual(mapped(2 ** 32 - 1, 2), false);
  strictEqual(mapped(0xffff_ffff, 0xffff_ffff), false);
  strictEqual(mapped(2 ** 53, 1), false);
  strictEqual(mapped(2 ** 64, 0xffff_ffff), false);
});

Deno.test("locate() finds only what lies in one region", () => {
  const memory = mapOf([0x1000, 0x1000], [0x2000, 0x1000]);
  strictEqual(memory.locate(0x1f00, 0x100)?.offset, 0xf00);
  strictEqual(memory.locate(0x1f00, 0x101), undefined);
  strictEqual(memory.locate(0x2f00, 0x101), undefined);
  strictEqual(memory.locate(0x500, 1), undefined);
});

Deno.test("userToGuest() follows the front-end's addresses", () => {
  const memory = mapOf([0x1000, 0x1000], [0x8000, 0x1000]);
  strictEqual(memory.userToGuest(0x7f00_0000_8fff), 0x8fff);
  strictEqual(memory.userToGuest(0x7f00_0000_9000), undefined);
  strictEqual(memory.userToGuest(0x8000), undefined);
});

Deno.test("add() refuses overlap, surplus and ranges that are not exact", () => {
  const memory = mapOf([0x1000, 0x1000], [0x3000, 0x1000]);
  const add = (guestAddress: number, lengthBytes: number, mapped: number) =>
    memory.add({
      guestAddress,
      userAddress: 0,
      lengthBytes,
      region: regionOf(mapped),
    }) ?? "accepted";
  match(add(0x1fff, 1, 1), /overlaps/);
  match(add(0xfff, 2, 2), /overlaps/);
  match(add(0x2000, 0x1001, 0x1001), /overlaps/);
  match(add(0x1800, 0x2000, 0x2000), /overlaps/);
  match(add(0x1000, 0x1000, 0x1000), /overlaps/);
  match(add(0x8000, 0, 0), /is empty/);
  match(add(2 ** 53, 1, 1), /past 2\^53/);
  match(add(Number.MAX_SAFE_INTEGER - 1, 4, 4), /past 2\^53/);
  match(add(0x8000, 2, 1), /only 0x1 mapped/);
  strictEqual(add(0x2000, 0x1000, 0x1000), "accepted");
  strictEqual(memory.regions.length, 3);
});

Deno.test("a map holds 509 regions and finds each", () => {
  const memory = new GuestMemory();
  const order = Array.from(
    { length: MAX_GUEST_REGIONS },
    (_, i) => (i * 200) % MAX_GUEST_REGIONS,
  );
  const add = (slot: number) =>
    memory.add({
      guestAddress: slot * 0x2000,
      userAddress: 0,
      lengthBytes: 0x1000,
      region: regionOf(0x1000),
    });
  for (const slot of order) strictEqual(add(slot), undefined);
  match(add(1000)!, /more than 509/);
  for (const slot of order) {
    const list = new Segments();
    strictEqual(memory.translate(slot * 0x2000 + 8, 16, list), true);
    strictEqual(list.region(0), memory.regions[slot]!.region);
    strictEqual(memory.translate(slot * 0x2000 + 0x1000, 1, list), false);
  }
});

Deno.test("remove() takes the exact region and its bytes are gone", () => {
  const memory = mapOf([0x1000, 0x1000]);
  const user = 0x7f00_0000_1000;
  strictEqual(memory.translate(0x1000, 1, new Segments()), true);
  strictEqual(memory.remove(0x1000, user, 0xfff), undefined);
  strictEqual(memory.remove(0x1000, 0, 0x1000), undefined);
  strictEqual(memory.remove(0x1000, user, 0x1000)?.lengthBytes, 0x1000);
  strictEqual(memory.translate(0x1000, 1, new Segments()), false);
  strictEqual(memory.regions.length, 0);
});

const GIB = 2 ** 30;

/** A map of one region of 8 KiB around a multiple of 1 GiB. */
function mapAround(middle: number) {
  const memory = new GuestMemory();
  const region = new Region(
    Uint8Array.from({ length: 0x2000 }, (_, i) => i >> 8),
  );
  const guestAddress = middle - 0x1000;
  const userAddress = guestAddress;
  memory.add({ guestAddress, userAddress, lengthBytes: 0x2000, region });
  return { memory, region };
}

Deno.test("ranges across a multiple of 1 GiB are found, whole", () => {
  for (const middle of [GIB, 2 * GIB, 4 * GIB, 300 * GIB, 2 ** 52]) {
    const { memory, region } = mapAround(middle);
    const list = new Segments();
    strictEqual(memory.translate(middle - 0x101, 0x202, list), true);
    strictEqual(list.count, 2);
    deepStrictEqual(list.copy(), region.bytes.slice(0xeff, 0x1101));
    strictEqual(memory.translate(middle - 0x1001, 1, new Segments()), false);
    strictEqual(memory.translate(middle + 0xfff, 2, new Segments()), false);
    // Ring areas do not care about windows.
    strictEqual(memory.locate(middle - 8, 16)?.region, region);
    strictEqual(memory.locate(middle - 8, 16)?.offset, 0xff8);
  }
});

Deno.test("two regions within one GiB are told apart", () => {
  const memory = mapOf([GIB, 0x1000], [GIB + 0x2000, 0x1000], [3 * GIB, 16]);
  const find = (address: number) => {
    const list = new Segments();
    return memory.translate(address, 1, list) ? list.region(0) : undefined;
  };
  strictEqual(find(GIB + 0xfff), memory.regions[0]!.region);
  strictEqual(find(GIB + 0x2000), memory.regions[1]!.region);
  strictEqual(find(GIB + 0x1000), undefined);
  strictEqual(find(2 * GIB), undefined);
  strictEqual(find(3 * GIB + 15), memory.regions[2]!.region);
  strictEqual(find(3 * GIB + 16), undefined);
  strictEqual(find(GIB - 1), undefined);
});
