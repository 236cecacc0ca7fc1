import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import {
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { writeRawDescriptor } from "../../testing/raw_ring.ts";
import { FAR_ADDRESS, LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { INDIRECT, NEXT, RawGuest, WRITE } from "../../testing/raw_guest.ts";
import {
  cipherHeader,
  expectService,
  openAesCbc,
  refused,
} from "../../testing/requests.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";

/** What takes longer follows a loop. */
const PATIENCE_MS = 20_000;
const KEY = new Uint8Array(16).fill(7);
const IV = new Uint8Array(16).fill(9);
const DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
const PACKED = F_VERSION_1 | F_INDIRECT_DESC | F_RING_PACKED;

const expected = (data: Uint8Array) => [
  ...createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(data),
];

const openSession = (machine: Machine): number =>
  createSession(machine.device, aesCbc(KEY));

/** Puts bytes at a guest address, across regions. */
function put(machine: Machine, address: number, bytes: Uint8Array): Piece {
  bytes.forEach((byte, i) => {
    const { region, offset } = machine.arena.find(address + i)!;
    region.bytes[offset] = byte;
  });
  return { address, lengthBytes: bytes.length, writable: false };
}

function get(machine: Machine, address: number, length: number): number[] {
  return Array.from({ length }, (_, i) => {
    const { region, offset } = machine.arena.find(address + i)!;
    return region.bytes[offset]!;
  });
}

const out = (address: number, lengthBytes: number): Piece => ({
  address,
  lengthBytes,
  writable: true,
});

// DPDK took a descriptor's length for the length of the data in it, and copied
// that much over the operation (e15b7c0112).
await testOnBackends(
  "CVE-2020-14374: descriptors longer and shorter than the declared lengths",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const flf = cipherHeader(session, 16, 32, 32);
    const long = new Uint8Array(100_000);
    const { usedBytes, written } = guest.request(0, [flf, IV, long], [
      50_000,
      1,
    ]);
    strictEqual(usedBytes, 33);
    strictEqual(written[1]![0], Status.Ok);
    ok(written[0]!.subarray(32).every((byte) => byte === 0xa5));
    refused(guest, [flf, IV, DATA.subarray(0, 31)], [32, 1]);
    refused(guest, [flf, IV, DATA], [31, 1]);
    refused(guest, [flf, IV, DATA], [8, 8, 8, 7, 1]);
    expectService(guest);
  },
);

// DPDK counted descriptors down without a look at zero: a loop or an odd chain
// kept it busy for 2^32 rounds (5677e68c05).
await testOnBackends(
  "CVE-2020-14378: loops, wild and endless chains end at once",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const at = guest.address(guest.allocate(4096));
    const piece = (flags: number, next: number, lengthBytes = 64) => ({
      address: at,
      lengthBytes,
      flags,
      next,
    });
    const chains = [
      [piece(NEXT, 0)],
      [piece(NEXT, 1), piece(NEXT, 0)],
      [piece(WRITE | NEXT, 1), piece(WRITE | NEXT, 1)],
      [piece(NEXT, 64)],
      [piece(NEXT, 0xffff)],
      [piece(NEXT, 1, 0), piece(NEXT, 0, 0)],
      [piece(WRITE | NEXT, 1), piece(0, 0)],
      [piece(INDIRECT | NEXT, 1), piece(WRITE, 0)],
      [piece(INDIRECT, 0, 0)],
      [piece(INDIRECT, 0, 15)],
      [piece(INDIRECT, 0, 17)],
      [piece(INDIRECT, 0, 0xffff_fff0)],
    ];
    const begin = performance.now();
    for (const chain of chains) {
      strictEqual(guest.submit(0, chain)?.lengthBytes, 0);
      strictEqual(guest.submit(guest.controlQueue, chain)?.lengthBytes, 0);
    }
    ok(performance.now() - begin < PATIENCE_MS);
    expectService(guest);
  },
);

// Chains of a table are longer than the ring; the loop check must be theirs.
await testOnBackends(
  "CVE-2020-14378: loops within an indirect table end at once",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const table = guest.allocate(16 * 1024);
    const { memory } = guest.link;
    for (let i = 0; i < 1024; i++) {
      writeRawDescriptor(memory, table + 16 * i, {
        address: guest.address(table),
        lengthBytes: 1,
        flags: NEXT,
        next: (i + 1) % 1024,
      });
    }
    const descriptor = {
      address: guest.address(table),
      lengthBytes: 16 * 1024,
      flags: INDIRECT,
    };
    const begin = performance.now();
    strictEqual(guest.submit(0, [descriptor])?.lengthBytes, 0);
    writeRawDescriptor(memory, table, {
      address: guest.address(table),
      lengthBytes: 16 * 1024,
      flags: INDIRECT,
    });
    strictEqual(guest.submit(0, [descriptor])?.lengthBytes, 0);
    ok(performance.now() - begin < PATIENCE_MS);
    expectService(guest);
  },
);

// DPDK checked where a buffer starts and trusted where it ends (0aee242841).
await testOnBackends(
  "CVE-2018-1059: a buffer that leaves its region is refused",
  async (backend) => {
    for (const features of [F_VERSION_1 | F_INDIRECT_DESC, PACKED]) {
      using machine = await Machine.start({ backend, features });
      const { high, far } = machine.arena;
      const ring = new HandRing(machine, 0, 16, 0);
      const session = openSession(machine);
      const base = LOW_ADDRESS + 16 * 1024;
      const flf = put(machine, base, cipherHeader(session, 16, 64, 64));
      const iv = put(machine, base + 100, IV);
      const data = put(machine, base + 200, DATA);
      const status = out(base + 400, 1);
      const statusByte = () => get(machine, status.address, 1)[0];
      const highEnd = high.guestAddress + high.region.lengthBytes;
      const farEnd = FAR_ADDRESS + far.region.lengthBytes;
      const outside = [
        highEnd - 63,
        highEnd - 1,
        highEnd,
        farEnd - 1,
        FAR_ADDRESS - 1,
        LOW_ADDRESS - 1,
        0,
        2 ** 53,
        2 ** 64 - 2048,
      ];
      const before = machine.arena.snapshot();
      for (const address of outside) {
        for (const bad of [0, 1]) {
          const source = bad === 0 ? { ...data, address } : data;
          const result = out(bad === 1 ? address : base + 300, 64);
          put(machine, status.address, Uint8Array.of(0xee));
          const used = ring.submit([flf, iv, source, result, status]);
          strictEqual(used?.lengthBytes, 1, `0x${address.toString(16)}`);
          strictEqual(statusByte(), Status.Error);
        }
      }
      machine.arena.accept(before, LOW_ADDRESS, ring.endOffset);
      machine.arena.accept(before, status.address, 1);
      strictEqual(machine.arena.difference(before), undefined);
    }
  },
);

// Regions that follow each other are one memory to the guest, two mappings here.
await testOnBackends(
  "CVE-2018-1059: a buffer across adjacent regions is followed into both",
  async (backend) => {
    for (const features of [F_VERSION_1 | F_INDIRECT_DESC, PACKED]) {
      using machine = await Machine.start({ backend, features });
      const ring = new HandRing(machine, 0, 16, 0);
      const session = openSession(machine);
      const border = machine.arena.high.guestAddress;
      const flf = cipherHeader(session, 16, 64, 64);
      for (const shift of [1, 17, 31, 63, 64]) {
        const readable = Uint8Array.from([...flf, ...IV, ...DATA]);
        const source = put(machine, border - 72 - 16 - shift, readable);
        const result = out(border - shift, 65);
        const used = ring.submit([source, result]);
        strictEqual(used?.lengthBytes, 65);
        deepStrictEqual(get(machine, result.address, 65), [
          ...expected(DATA),
          Status.Ok,
        ]);
        strictEqual(machine.arena.fenceDamage(), undefined);
      }
    }
  },
);

// DPDK's net back-end read a header that spans descriptors without a bound on
// their number; here headers are one byte each, empty ones between.
await testOnBackends(
  "CVE-2022-2132: a header over many descriptors is read like any other",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const bytes = [...cipherHeader(session, 16, 16, 16)];
    const pieces = bytes.slice(0, 40).flatMap((byte, i) =>
      i % 4 === 0 ? [Uint8Array.of(byte), new Uint8Array(0)] : [
        Uint8Array.of(byte),
      ]
    );
    const rest = Uint8Array.from(bytes.slice(40));
    const { usedBytes, written } = guest.request(
      0,
      [...pieces, rest, IV, DATA.subarray(0, 16)],
      [0, 15, 1, 0, 1],
    );
    strictEqual(usedBytes, 17);
    strictEqual(written[4]![0], Status.Ok);
  },
);
