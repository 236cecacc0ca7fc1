import { match, ok, strictEqual } from "node:assert/strict";
import {
  ChainFault,
  DescriptorChain,
  popChain,
} from "../../device/ring/chain.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_USED,
  DESCRIPTOR_WRITE,
} from "../../device/ring/layout.ts";
import {
  RawPackedRing,
  writeRawPackedDescriptor,
} from "../../testing/raw_ring.ts";
import {
  GUEST_ADDRESS,
  isMalformed,
  makeTestRings,
  seededNumbers,
} from "../../testing/ring_sides.ts";

const NEXT = DESCRIPTOR_NEXT;
const WRITE = DESCRIPTOR_WRITE;
const INDIRECT = DESCRIPTOR_INDIRECT;
const AVAILABLE = DESCRIPTOR_AVAILABLE;
const USED = DESCRIPTOR_USED;
const SIZE = 5;
const TOP = 0xffff_ffff_ffff_ffffn;

interface Piece {
  readonly address?: bigint;
  readonly lengthBytes?: number;
  readonly id?: number;
  readonly flags: number;
}

/** A device whose guest writes descriptors by hand. */
function hostileGuest(dataBytes = 0x400) {
  const rings = makeTestRings({ size: SIZE, packed: true, dataBytes });
  const { region, device, dataOffset } = rings;
  const raw = new RawPackedRing(region, 0, SIZE);
  const data = BigInt(GUEST_ADDRESS + dataOffset);
  const chain = new DescriptorChain();
  const filled = (piece: Piece) => ({
    address: data,
    lengthBytes: 1,
    id: 0,
    ...piece,
  });
  let position = 0;
  let wrap = AVAILABLE;
  return {
    raw,
    device,
    region,
    chain,
    data,
    dataOffset,
    table(index: number, piece: Piece) {
      const at = dataOffset + 16 * index;
      writeRawPackedDescriptor(region, at, filled(piece));
    },
    /** Makes descriptors available in the next places of the ring. */
    write(...pieces: Piece[]): void {
      for (const piece of pieces) {
        const flags = piece.flags | wrap;
        raw.descriptor(position, { ...filled(piece), flags });
        position++;
        if (position < SIZE) continue;
        position = 0;
        wrap = wrap === AVAILABLE ? USED : AVAILABLE;
      }
    },
    pop(): DescriptorChain {
      ok(popChain(device, chain), device.broken);
      return chain;
    },
    done(): void {
      device.push(chain.slot, 0);
      device.publish();
    },
  };
}

Deno.test("packed: a list that fills the ring is legal, one without end breaks it", () => {
  const guest = hostileGuest();
  const next = { flags: NEXT };
  guest.write(next, next, next, next, { flags: WRITE, id: 0xbeef });
  strictEqual(guest.pop().fault, ChainFault.None);
  strictEqual(guest.chain.head, 0xbeef);
  strictEqual(guest.chain.ringDescriptors, SIZE);
  guest.done();
  guest.write(next, next, next, next, next);
  strictEqual(popChain(guest.device, guest.chain), false);
  match(guest.device.broken!, /more than 5 descriptors/);
  strictEqual(guest.device.enableNotifications(), false);
});

Deno.test("packed: descriptors offered again before they are used break the ring", () => {
  const guest = hostileGuest();
  const one = { flags: 0 };
  guest.write(one, one, one, one, one);
  for (let i = 0; i < SIZE; i++) guest.pop();
  guest.write(one);
  strictEqual(popChain(guest.device, guest.chain), false);
  match(guest.device.broken!, /more than 0 descriptors/);
});

Deno.test("packed: a malformed list is given back with its own ID", () => {
  const guest = hostileGuest();
  guest.write({ flags: WRITE | NEXT }, { flags: NEXT }, { flags: 0, id: 77 });
  isMalformed(guest.pop());
  strictEqual(guest.chain.head, 77);
  guest.done();
  strictEqual(guest.raw.read(0).id, 77);
  strictEqual(guest.raw.read(0).flags, AVAILABLE | USED);
  guest.write({ flags: 0, id: 3 });
  strictEqual(guest.pop().fault, ChainFault.None);
  strictEqual(guest.chain.head, 3);
});

Deno.test("packed: a list of direct and indirect descriptors is malformed", () => {
  const guest = hostileGuest();
  guest.table(0, { flags: 0 });
  const table = { lengthBytes: 16, flags: INDIRECT };
  guest.write({ flags: NEXT }, { ...table, id: 1 });
  isMalformed(guest.pop());
  strictEqual(guest.chain.ringDescriptors, 2);
  guest.done();
  guest.write({ ...table, flags: INDIRECT | NEXT }, { flags: 0, id: 2 });
  isMalformed(guest.pop());
  strictEqual(guest.chain.head, 2);
});

Deno.test("packed: bad indirect tables are malformed", () => {
  const guest = hostileGuest();
  guest.table(0, { flags: 0 });
  const end = BigInt(GUEST_ADDRESS + guest.region.lengthBytes);
  const bad: Partial<Piece>[] = [
    { lengthBytes: 0 },
    { lengthBytes: 15 },
    { lengthBytes: 0xffff_fff0 },
    { address: end },
    { address: end - 8n },
    { address: TOP },
    { address: 0n },
  ];
  for (const change of bad) {
    guest.write({ lengthBytes: 16, flags: INDIRECT, ...change });
    isMalformed(guest.pop());
    guest.done();
  }
  strictEqual(guest.device.broken, undefined);
});

Deno.test("packed: in a table only WRITE counts", () => {
  const guest = hostileGuest();
  guest.table(0, { flags: INDIRECT | USED, lengthBytes: 16 });
  guest.table(1, { flags: WRITE | NEXT | AVAILABLE, lengthBytes: 7 });
  guest.write({ lengthBytes: 32, flags: INDIRECT | WRITE });
  strictEqual(guest.pop().fault, ChainFault.None);
  strictEqual(guest.chain.readable.totalBytes, 16);
  strictEqual(guest.chain.writable.totalBytes, 7);
  guest.done();
  guest.table(0, { flags: WRITE });
  guest.table(1, { flags: 0 });
  guest.write({ lengthBytes: 32, flags: INDIRECT });
  isMalformed(guest.pop());
});

Deno.test("packed: an unmapped piece leaves the status byte reachable", () => {
  const guest = hostileGuest();
  guest.write(
    { address: TOP, lengthBytes: 0xffff_ffff, flags: NEXT },
    { lengthBytes: 1, flags: WRITE },
  );
  strictEqual(guest.pop().fault, ChainFault.Unmapped);
  strictEqual(guest.chain.readable.count, 0);
  strictEqual(guest.chain.statusOffset, guest.dataOffset);
});

Deno.test("packed: used descriptors say whether anything was written", () => {
  const guest = hostileGuest();
  guest.write({ flags: WRITE, id: 9, lengthBytes: 8 });
  guest.pop();
  guest.device.push(guest.chain.slot, 6);
  strictEqual(guest.raw.read(0).flags & (AVAILABLE | USED), AVAILABLE);
  guest.device.publish();
  strictEqual(guest.raw.read(0).flags, AVAILABLE | USED | WRITE);
  strictEqual(guest.raw.read(0).lengthBytes, 6);
});

Deno.test("packed: random ring memory stays within bounds", () => {
  const random = seededNumbers(11);
  for (let round = 0; round < 3000; round++) {
    const { region, device, chain, raw, data, table } = hostileGuest(0x200);
    const addresses = [0n, TOP, data, data + 0x1ffn, data];
    for (let i = 0; i < SIZE + 16; i++) {
      const descriptor = {
        address: addresses[random(addresses.length)]!,
        lengthBytes: [0, 1, 16, 64, 256, 0xffff_ffff][random(6)]!,
        id: random(0x10000),
        flags: random(8) | (random(4) === 0 ? USED : AVAILABLE),
      };
      if (i < SIZE) raw.descriptor(i, descriptor);
      else table(i - SIZE, descriptor);
    }
    for (let pops = 0; popChain(device, chain); pops++) {
      ok(pops < SIZE);
      for (const list of [chain.readable, chain.writable]) {
        for (let i = 0; i < list.count; i++) {
          strictEqual(list.region(i), region);
          ok(list.offset(i) + list.lengthBytes(i) <= region.lengthBytes);
        }
      }
    }
  }
});

Deno.test("packed: a descriptor marked used is not available", () => {
  const guest = hostileGuest();
  for (const flags of [0, USED, AVAILABLE | USED]) {
    guest.raw.descriptor(0, {
      address: guest.data,
      lengthBytes: 1,
      id: 0,
      flags,
    });
    strictEqual(popChain(guest.device, guest.chain), false);
  }
  strictEqual(guest.device.broken, undefined);
});
