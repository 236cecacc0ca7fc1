import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  ChainFault,
  DescriptorChain,
  popChain,
  showChain,
} from "../../device/ring/chain.ts";
import {
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
} from "../../device/ring/layout.ts";
import { HOME_WORDS, RANGE_WORDS } from "../../memory/range_lists.ts";
import { Region } from "../../memory/region.ts";
import type { Segments } from "../../memory/segments.ts";
import {
  type RawDescriptor,
  RawSplitRing,
  writeRawDescriptor,
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
const SIZE = 8;
const TOP = 0xffff_ffff_ffff_ffffn;

/** A device whose guest writes descriptors by hand. */
function hostileGuest(dataBytes = 0x2000) {
  const rings = makeTestRings({ size: SIZE, packed: false, dataBytes });
  const { region, device, dataOffset, memory } = rings;
  const raw = new RawSplitRing(region, 0, SIZE);
  const chain = new DescriptorChain();
  const data = BigInt(GUEST_ADDRESS + dataOffset);
  let available = 0;
  return {
    raw,
    device,
    memory,
    chain,
    region,
    dataOffset,
    /** Guest address of the free memory. */
    data,
    table(index: number, descriptor: RawDescriptor) {
      writeRawDescriptor(region, dataOffset + 16 * index, descriptor);
    },
    /** Offers a chain and pops it. */
    offer(head = 0): DescriptorChain {
      raw.availableEntry(available % SIZE, head);
      available = (available + 1) & 0xffff;
      raw.availableIndex(available);
      ok(popChain(device, chain), device.broken);
      return chain;
    },
    done(): void {
      device.push(chain.slot, 0);
      device.publish();
    },
  };
}

Deno.test("split: loops are malformed, in the ring and in a table", () => {
  const guest = hostileGuest();
  const piece = { address: guest.data, lengthBytes: 1, flags: NEXT };
  guest.raw.descriptor(0, { ...piece, next: 0 });
  isMalformed(guest.offer());
  strictEqual(guest.chain.descriptorCount, SIZE);
  for (let i = 0; i < SIZE; i++) {
    guest.raw.descriptor(i, { ...piece, lengthBytes: 0, next: (i + 1) % SIZE });
  }
  isMalformed(guest.offer(3));
  guest.table(0, { ...piece, next: 1 });
  guest.table(1, { ...piece, next: 0 });
  guest.raw.descriptor(0, {
    address: guest.data,
    lengthBytes: 32,
    flags: INDIRECT,
  });
  isMalformed(guest.offer());
  guest.raw.descriptor(0, { ...piece, flags: 0 });
  strictEqual(guest.offer().fault, ChainFault.None);
});

Deno.test("split: next outside the table is malformed", () => {
  const guest = hostileGuest();
  const piece = { address: guest.data, lengthBytes: 1, flags: NEXT };
  for (const next of [SIZE, 0x7fff, 0xffff]) {
    guest.raw.descriptor(0, { ...piece, next });
    isMalformed(guest.offer());
  }
  guest.raw.descriptor(0, {
    address: guest.data,
    lengthBytes: 32,
    flags: INDIRECT,
  });
  for (const next of [2, 3, 0xffff]) {
    guest.table(0, { ...piece, next });
    isMalformed(guest.offer());
  }
});

Deno.test("split: bad indirect tables are malformed", () => {
  const guest = hostileGuest();
  const end = BigInt(GUEST_ADDRESS + guest.region.lengthBytes);
  guest.table(0, { address: guest.data, lengthBytes: 1, flags: 0 });
  const table = { address: guest.data, lengthBytes: 16, flags: INDIRECT };
  const bad: Partial<RawDescriptor>[] = [
    { lengthBytes: 0 },
    { lengthBytes: 8 },
    { lengthBytes: 17 },
    { lengthBytes: 0xffff_ffff },
    { lengthBytes: 0xffff_fff0 },
    { flags: INDIRECT | NEXT, next: 1 },
    { address: end },
    { address: end - 8n },
    { address: 0n },
    { address: TOP },
    { address: TOP - 15n },
  ];
  for (const change of bad) {
    guest.raw.descriptor(0, { ...table, ...change });
    isMalformed(guest.offer());
    guest.done();
  }
  // virtio 1.4 §2.7.5.3.2: WRITE on the descriptor of a table is ignored.
  guest.raw.descriptor(0, { ...table, flags: INDIRECT | WRITE });
  strictEqual(guest.offer().readable.totalBytes, 1);
});

Deno.test("split: a table within a table is malformed", () => {
  const guest = hostileGuest();
  guest.table(0, { address: guest.data, lengthBytes: 16, flags: INDIRECT });
  guest.raw.descriptor(0, {
    address: guest.data,
    lengthBytes: 16,
    flags: INDIRECT,
  });
  isMalformed(guest.offer());
});

Deno.test("split: direct descriptors may end in an indirect one", () => {
  const guest = hostileGuest();
  const { data } = guest;
  guest.table(0, { address: data, lengthBytes: 4, flags: NEXT, next: 2 });
  guest.table(2, { address: data + 256n, lengthBytes: 5, flags: WRITE });
  guest.raw.descriptor(0, {
    address: data + 64n,
    lengthBytes: 3,
    flags: NEXT,
    next: 6,
  });
  guest.raw.descriptor(6, { address: data, lengthBytes: 48, flags: INDIRECT });
  const chain = guest.offer();
  strictEqual(chain.fault, ChainFault.None);
  strictEqual(chain.readable.totalBytes, 7);
  strictEqual(chain.writable.totalBytes, 5);
  strictEqual(chain.statusOffset, guest.dataOffset + 260);
});

Deno.test("split: a readable descriptor after a writable one is malformed", () => {
  const guest = hostileGuest();
  const piece = { address: guest.data, lengthBytes: 1 };
  for (const lengthBytes of [0, 1]) {
    guest.raw.descriptor(0, { ...piece, flags: WRITE | NEXT, next: 1 });
    guest.raw.descriptor(1, { ...piece, lengthBytes, flags: 0 });
    isMalformed(guest.offer());
  }
});

Deno.test("split: a chain of more than 2^32 bytes is malformed", () => {
  const guest = hostileGuest();
  const piece = { address: TOP, lengthBytes: 0xffff_ffff };
  guest.raw.descriptor(0, { ...piece, flags: NEXT, next: 1 });
  guest.raw.descriptor(1, { ...piece, flags: 0 });
  isMalformed(guest.offer());
});

Deno.test("split: an unmapped piece leaves the status byte reachable", () => {
  const guest = hostileGuest();
  const bad: [address: bigint, lengthBytes: number][] = [
    [TOP, 0xffff_ffff],
    [TOP, 1],
    [0n, 1],
    [1n << 53n, 1],
    [0xffff_ffffn, 0xffff_ffff],
    [BigInt(GUEST_ADDRESS + guest.region.lengthBytes) - 1n, 2],
    [BigInt(GUEST_ADDRESS) - 1n, 2],
  ];
  for (const [address, lengthBytes] of bad) {
    for (const flags of [0, WRITE]) {
      guest.raw.descriptor(0, {
        address,
        lengthBytes,
        flags: flags | NEXT,
        next: 1,
      });
      guest.raw.descriptor(1, {
        address: guest.data + 5n,
        lengthBytes: 1,
        flags: WRITE | NEXT,
        next: 2,
      });
      guest.raw.descriptor(2, { address: TOP, lengthBytes: 0, flags: WRITE });
      const chain = guest.offer();
      guest.done();
      strictEqual(chain.fault, ChainFault.Unmapped);
      strictEqual(chain.readable.count + chain.writable.count, 0);
      strictEqual(chain.statusRegion, guest.region);
      strictEqual(chain.statusOffset, guest.dataOffset + 5);
    }
  }
});

Deno.test("split: an unmapped status byte is not found elsewhere", () => {
  const guest = hostileGuest();
  guest.raw.descriptor(0, {
    address: guest.data,
    lengthBytes: 1,
    flags: WRITE | NEXT,
    next: 1,
  });
  for (const address of [TOP, 0n, 1n << 53n]) {
    guest.raw.descriptor(1, {
      address,
      lengthBytes: 0xffff_ffff,
      flags: WRITE,
    });
    const chain = guest.offer();
    strictEqual(chain.fault, ChainFault.Unmapped);
    strictEqual(chain.statusRegion, undefined);
  }
});

Deno.test("split: a half-mapped descriptor has no place for a status", () => {
  const guest = hostileGuest();
  guest.raw.descriptor(0, {
    address: BigInt(GUEST_ADDRESS) - 4n,
    lengthBytes: 8,
    flags: WRITE,
  });
  const chain = guest.offer();
  strictEqual(chain.fault, ChainFault.Unmapped);
  strictEqual(chain.statusRegion, undefined);
});

Deno.test("split: zero-length descriptors need no memory", () => {
  const guest = hostileGuest();
  const empty = { address: TOP, lengthBytes: 0 };
  guest.raw.descriptor(0, { ...empty, flags: NEXT, next: 1 });
  guest.raw.descriptor(1, { ...empty, flags: WRITE });
  const chain = guest.offer();
  strictEqual(chain.fault, ChainFault.None);
  strictEqual(chain.descriptorCount, 2);
  strictEqual(chain.statusRegion, undefined);
});

Deno.test("split: a head outside the ring breaks it", () => {
  for (const head of [SIZE, 0xffff]) {
    const { raw, device, chain } = hostileGuest();
    raw.availableEntry(0, head);
    raw.availableIndex(1);
    strictEqual(popChain(device, chain), false);
    match(device.broken!, /names descriptor/);
    raw.availableEntry(0, 0);
    strictEqual(popChain(device, chain), false);
    strictEqual(device.enableNotifications(), false);
  }
});

Deno.test("split: an available index that jumps or goes back breaks the ring", () => {
  for (const index of [SIZE + 1, 0x8000, 0xffff]) {
    const { raw, device, chain } = hostileGuest();
    raw.availableIndex(index);
    strictEqual(popChain(device, chain), false);
    match(device.broken!, /available index/);
  }
  const { raw, device, chain, offer } = hostileGuest();
  offer();
  device.push(chain.slot, 0);
  device.publish();
  raw.availableIndex(0);
  strictEqual(popChain(device, chain), false);
  match(device.broken!, /available index/);
});

Deno.test("split: chains offered again before they are used break the ring", () => {
  const { raw, device, offer } = hostileGuest();
  for (let i = 0; i < SIZE; i++) offer();
  raw.availableIndex(SIZE + 1);
  strictEqual(popChain(device, new DescriptorChain()), false);
  match(device.broken!, /8 in use/);
});

Deno.test("split: buffers and tables cross adjacent regions", () => {
  const guest = hostileGuest();
  const end = GUEST_ADDRESS + guest.region.lengthBytes;
  const above = new Region(new Uint8Array(0x1000));
  guest.memory.add({
    guestAddress: end,
    userAddress: 0,
    lengthBytes: 0x1000,
    region: above,
  });
  const tail = guest.region.lengthBytes - 24;
  const shadow = new Region(new Uint8Array(48));
  const last = { address: BigInt(end - 3), lengthBytes: 8, flags: WRITE };
  writeRawDescriptor(shadow, 0, {
    address: guest.data,
    lengthBytes: 1,
    flags: NEXT,
    next: 1,
  });
  writeRawDescriptor(shadow, 16, { ...last, flags: WRITE | NEXT, next: 2 });
  writeRawDescriptor(shadow, 32, last);
  guest.region.bytes.set(shadow.bytes.subarray(0, 24), tail);
  above.bytes.set(shadow.bytes.subarray(24), 0);
  guest.raw.descriptor(0, {
    address: BigInt(end - 24),
    lengthBytes: 48,
    flags: INDIRECT,
  });
  const chain = guest.offer();
  strictEqual(chain.fault, ChainFault.None);
  strictEqual(chain.descriptorCount, 3);
  deepStrictEqual(
    [0, 1, 2, 3].map((i) => chain.writable.lengthBytes(i)),
    [3, 5, 3, 5],
  );
  strictEqual(chain.statusRegion, above);
  strictEqual(chain.statusOffset, 4);
});

Deno.test("split: a chain is like the one before when its ranges are as long", () => {
  const guest = hostileGuest();
  const offer = (
    source: bigint,
    result: bigint,
    gap: bigint,
    bytes = 32,
    lastBytes = 8,
  ) => {
    guest.raw.descriptor(0, {
      address: guest.data + source,
      lengthBytes: 16,
      flags: NEXT,
      next: 1,
    });
    guest.raw.descriptor(1, {
      address: guest.data + result,
      lengthBytes: bytes,
      flags: NEXT | WRITE,
      next: 2,
    });
    guest.raw.descriptor(2, {
      address: guest.data + result + BigInt(bytes) + gap,
      lengthBytes: lastBytes,
      flags: WRITE,
    });
    const chain = guest.offer();
    guest.done();
    const ranges = (list: Segments) =>
      Array.from(
        { length: list.count },
        (_, i) => [list.offset(i) - guest.dataOffset, list.lengthBytes(i)],
      );
    return {
      alike: guest.device.slots.alike[chain.slot] === 1,
      readable: ranges(chain.readable),
      writable: ranges(chain.writable),
    };
  };
  const joined = { readable: [[0, 16]], writable: [[100, 40]] };
  deepStrictEqual(offer(0n, 100n, 0n), { alike: false, ...joined });
  deepStrictEqual(offer(0n, 100n, 0n), { alike: true, ...joined });
  deepStrictEqual(offer(64n, 300n, 0n), {
    alike: true,
    readable: [[64, 16]],
    writable: [[300, 40]],
  });
  const apart = { readable: [[0, 16]], writable: [[100, 32], [136, 8]] };
  deepStrictEqual(offer(0n, 100n, 4n), { alike: false, ...apart });
  deepStrictEqual(offer(0n, 100n, 4n), { alike: true, ...apart });
  const longer = { readable: [[0, 16]], writable: [[100, 33], [137, 8]] };
  deepStrictEqual(offer(0n, 100n, 4n, 33), { alike: false, ...longer });
  const shorter = { readable: [[0, 16]], writable: [[100, 33], [137, 7]] };
  deepStrictEqual(offer(0n, 100n, 4n, 33, 7), { alike: false, ...shorter });
  deepStrictEqual(offer(0n, 100n, 4n, 33, 8), { alike: false, ...longer });
  // What was readable right before it is not joined to what is writable.
  const adjacent = { readable: [[84, 16]], writable: [[100, 33], [137, 8]] };
  deepStrictEqual(offer(84n, 100n, 4n, 33), { alike: true, ...adjacent });
  deepStrictEqual(offer(0n, 2n ** 40n, 4n, 33), {
    alike: false,
    readable: [],
    writable: [],
  });
  deepStrictEqual(offer(0n, 100n, 4n, 33), { alike: false, ...longer });
  deepStrictEqual(offer(0n, 100n, 4n, 33), { alike: true, ...longer });
});

Deno.test("split: a table has at most 65536 descriptors", () => {
  const guest = hostileGuest(65537 * 16);
  const piece = { address: guest.data, lengthBytes: 1 };
  for (let i = 0; i < 65535; i++) {
    guest.table(i, { ...piece, flags: NEXT, next: i + 1 });
  }
  guest.table(65535, { ...piece, flags: 0 });
  const table = { address: guest.data, flags: INDIRECT };
  guest.raw.descriptor(0, { ...table, lengthBytes: 65536 * 16 });
  strictEqual(guest.offer().descriptorCount, 65536);
  strictEqual(guest.chain.fault, ChainFault.None);
  guest.done();
  guest.raw.descriptor(0, { ...table, lengthBytes: 65537 * 16 });
  isMalformed(guest.offer());
  // The room that the long chain took has not been kept for this one.
  ok(guest.device.slots.lists.block.length < 65536 * RANGE_WORDS);
});

Deno.test("split: long chains that are out together keep both their parts", () => {
  const guest = hostileGuest(SIZE * 512 * 16);
  const { data, device, chain } = guest;
  // Longer each round, which takes the slots in another order than the last.
  for (let count = 30; count < 500; count *= 2) {
    const slots: number[] = [];
    for (let number = 0; number < SIZE; number++) {
      for (let i = 0; i < count; i++) {
        guest.table(512 * number + i, {
          address: data + BigInt(2 * i + number),
          lengthBytes: 1,
          flags: (i < 10 ? 0 : WRITE) | (i < count - 1 ? NEXT : 0),
          next: i + 1,
        });
      }
      guest.raw.descriptor(number, {
        address: data + BigInt(512 * 16 * number),
        lengthBytes: 16 * count,
        flags: INDIRECT,
      });
      slots.push(guest.offer(number).slot);
    }
    for (const [number, slot] of slots.entries()) {
      showChain(device, slot, chain);
      strictEqual(chain.readable.count, 10);
      strictEqual(chain.writable.count, count - 10);
      strictEqual(chain.writable.offset(0), guest.dataOffset + 20 + number);
    }
    for (const slot of slots) device.push(slot, 0);
    device.publish();
  }
});

Deno.test("split: a table with what lies behind a long chain's slot is not like it", () => {
  const guest = hostileGuest(0x8000);
  const { data, device, chain } = guest;
  const count = 30;
  const offer = (lengths: readonly number[]) => {
    for (const [i, lengthBytes] of lengths.entries()) {
      guest.table(i, {
        // Apart, so that no range is joined to the one before.
        address: data + BigInt(i * 2),
        lengthBytes,
        flags: (i < 10 ? 0 : WRITE) | (i < lengths.length - 1 ? NEXT : 0),
        next: i + 1,
      });
    }
    guest.raw.descriptor(0, {
      address: data,
      lengthBytes: 16 * lengths.length,
      flags: INDIRECT,
    });
    return guest.offer();
  };
  const long = new Array<number>(count).fill(1);
  for (let i = 0; i < 3; i++) {
    offer(long);
    guest.done();
  }
  // The block up to the end of that chain: its slot's home, the homes of all
  // others, which are empty, and the chain itself.
  const ranges = HOME_WORDS / RANGE_WORDS;
  const empty = new Array<number>(63 * ranges).fill(0);
  offer([...long.slice(0, ranges), ...empty, ...long]);
  strictEqual(chain.fault, ChainFault.None);
  strictEqual(device.slots.alike[chain.slot], 0);
  strictEqual(chain.readable.count, 10);
  strictEqual(chain.writable.count, ranges - 10 + count);
});

Deno.test("split: a chain like the last has descriptors of its own number", () => {
  const guest = hostileGuest();
  const parts = [[0, 4], [8, 0], [8, 3]] as const;
  for (const kept of [parts, [parts[0], parts[2]]]) {
    for (const [i, [offset, lengthBytes]] of kept.entries()) {
      guest.table(i, {
        address: guest.data + BigInt(512 + offset),
        lengthBytes,
        flags: i < kept.length - 1 ? NEXT : 0,
        next: i + 1,
      });
    }
    guest.raw.descriptor(0, {
      address: guest.data,
      lengthBytes: 16 * kept.length,
      flags: INDIRECT,
    });
    strictEqual(guest.offer().descriptorCount, kept.length);
    guest.done();
  }
  strictEqual(guest.chain.alike, true);
});

Deno.test("split: random ring memory stays within bounds", () => {
  const random = seededNumbers(7);
  for (let round = 0; round < 3000; round++) {
    const guest = hostileGuest(0x200);
    const { region, device, chain, raw } = guest;
    const addresses = [0n, TOP, guest.data, guest.data + 0x1ffn, guest.data];
    for (let i = 0; i < SIZE + 16; i++) {
      const descriptor = {
        address: addresses[random(addresses.length)]!,
        lengthBytes: [0, 1, 16, 64, 256, 0xffff_ffff][random(6)]!,
        flags: random(8),
        next: random(10),
      };
      if (i < SIZE) raw.descriptor(i, descriptor);
      else guest.table(i - SIZE, descriptor);
      raw.availableEntry(i % SIZE, random(9));
    }
    raw.availableIndex(random(10));
    while (popChain(device, chain)) {
      for (const list of [chain.readable, chain.writable]) {
        for (let i = 0; i < list.count; i++) {
          strictEqual(list.region(i), region);
          ok(list.offset(i) + list.lengthBytes(i) <= region.lengthBytes);
        }
      }
      device.push(chain.slot, 0);
    }
    device.publish();
  }
});
