import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import type { Operation } from "../../backends/backend.ts";
import {
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing, type Piece } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { cipherHeader } from "../../testing/requests.ts";
import { aesCbc, createSession } from "../../testing/sessions.ts";

const KEY = new Uint8Array(16).fill(7);
const IV = new Uint8Array(16).fill(9);
const DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
const AT = 16 * 1024;
const TABLE_AT = 32 * 1024;
const OUT_AT = 48 * 1024;
const READABLE_BYTES = 72 + 16 + 64;

/** A machine with one legal request in memory. */
async function prepare(backend: string, features: bigint) {
  const machine = await Machine.start({ backend, features });
  const session = createSession(machine.device, aesCbc(KEY));
  const { bytes } = machine.arena.low.region;
  bytes.set(cipherHeader(session, 16, 64, 64), AT);
  bytes.set(IV, AT + 72);
  bytes.set(DATA, AT + 88);
  const pieces: Piece[] = [
    {
      address: LOW_ADDRESS + AT,
      lengthBytes: READABLE_BYTES,
      writable: false,
    },
    { address: LOW_ADDRESS + OUT_AT, lengthBytes: 65, writable: true },
  ];
  return { machine, bytes, pieces, ring: new HandRing(machine, 0, 16, 0) };
}

const FORMATS = [
  F_VERSION_1 | F_INDIRECT_DESC,
  F_VERSION_1 | F_INDIRECT_DESC | F_RING_PACKED,
];

// DPDK checked header and descriptors in guest memory and then read them again
// there, after the guest had changed them (2d962bb736).
await testOnBackends(
  "CVE-2020-14375: what changes while a request runs changes nothing of it",
  async (backend) => {
    for (const features of FORMATS) {
      for (const table of [undefined, LOW_ADDRESS + TABLE_AT]) {
        const prepared = await prepare(backend, features);
        using machine = prepared.machine;
        const { bytes, pieces, ring } = prepared;
        machine.watch.before = () => {
          bytes.fill(0xff, 0, ring.endOffset);
          bytes.fill(0xff, AT, AT + 88);
          bytes.fill(0xff, TABLE_AT, TABLE_AT + 4096);
        };
        const before = machine.arena.snapshot();
        ring.submit(pieces, table);
        deepStrictEqual(
          [...bytes.subarray(OUT_AT, OUT_AT + 65)],
          [
            ...createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false)
              .update(DATA),
            Status.Ok,
          ],
        );
        for (
          const [start, length] of [
            [0, ring.endOffset],
            [AT, 88],
            [TABLE_AT, 4096],
            [OUT_AT, 65],
          ]
        ) machine.arena.accept(before, LOW_ADDRESS + start!, length!);
        strictEqual(machine.arena.difference(before), undefined);
        deepStrictEqual(machine.watch.problems, []);
      }
    }
  },
);

// Lengths that turn from legal to enormous at each step of the device.
await testOnBackends(
  "CVE-2020-14375: a header that changes between two requests of a burst",
  async (backend) => {
    const prepared = await prepare(backend, FORMATS[0]!);
    using machine = prepared.machine;
    const { bytes, pieces, ring } = prepared;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const flip = (operations: readonly Operation[]) => {
      for (const { source, destination } of operations) {
        strictEqual(source.totalBytes, destination.totalBytes);
      }
      view.setUint32(AT + 28, 0xffff_fff0, true);
      view.setUint32(AT + 32, 0xffff_fff0, true);
    };
    machine.watch.before = flip;
    strictEqual(ring.submit(pieces)?.lengthBytes, 65);
    strictEqual(ring.submit(pieces)?.lengthBytes, 1);
    strictEqual(bytes[OUT_AT + 64], Status.Error);
    strictEqual(machine.arena.fenceDamage(), undefined);
  },
);

// The tag is compared with a copy, and the status written last.
await testOnBackends(
  "CVE-2020-14375: source and result in the same bytes stay inside them",
  async (backend) => {
    const prepared = await prepare(backend, FORMATS[0]!);
    using machine = prepared.machine;
    const { bytes, pieces, ring } = prepared;
    const before = machine.arena.snapshot();
    for (const shift of [0, 1, 16, 63]) {
      const overlapping = out(LOW_ADDRESS + AT + 88 - shift);
      const used = ring.submit([pieces[0]!, overlapping]);
      ok(used!.lengthBytes === 65 || used!.lengthBytes === 1);
      bytes.set(DATA, AT + 88);
      bytes.set(IV, AT + 72);
    }
    machine.arena.accept(before, LOW_ADDRESS, ring.endOffset);
    machine.arena.accept(before, LOW_ADDRESS + AT, READABLE_BYTES + 1);
    strictEqual(machine.arena.difference(before), undefined);
  },
);

const out = (address: number): Piece => ({
  address,
  lengthBytes: 65,
  writable: true,
});
