import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { ringBytes, ringOffsets } from "../../driver/rings/layout.ts";
import { Driver } from "../../driver/driver.ts";
import {
  F_EVENT_IDX,
  F_INDIRECT_DESC,
  F_RING_PACKED,
  F_VERSION_1,
} from "../../device/wire/features.ts";
import { Status } from "../../device/wire/status.ts";
import { createDevice } from "../../mod.ts";
import { LOW_ADDRESS } from "../../testing/arena.ts";
import { HandRing } from "../../testing/hand_ring.ts";
import { Machine } from "../../testing/machine.ts";
import { INDIRECT, NEXT, RawGuest, WRITE } from "../../testing/raw_guest.ts";
import { digestHeader, openSession } from "../../testing/requests.ts";
import { anywhere, testOnSetups } from "./setups.ts";
import { unchecked } from "../../testing/unchecked.ts";

const RING_SIZE = 64;
const DATA = Uint8Array.from({ length: 40 }, (_, i) => i + 1);
const DIGEST = [...createHash("sha256").update(DATA).digest()];
const HASH_OPCODE = 0x100;

const openHash = (guest: RawGuest) =>
  openSession(guest, {
    service: "hash",
    algorithm: "sha256",
    resultBytes: 32,
  });

Deno.test("nothing is written but the used ring and the writable buffers", async () => {
  using guest = await RawGuest.start();
  const session = openHash(guest);
  const { bytes } = guest.link.memory;
  let before = new Uint8Array();
  const kick = guest.link.kick.bind(guest.link);
  guest.link.kick = (index) => {
    before = bytes.slice();
    kick(index);
  };
  const changed = () => {
    const places: number[] = [];
    before.forEach((byte, at) => {
      if (byte !== bytes[at]) places.push(at);
    });
    return places;
  };
  const pieces = [digestHeader(HASH_OPCODE, session, 40, 32), DATA];
  const { written } = guest.request(0, pieces, [32, 1]);
  deepStrictEqual([...written[0]!], DIGEST);
  const { device } = ringOffsets(RING_SIZE, false);
  const used = [device, ringBytes(RING_SIZE, false)] as const;
  const outside = changed().filter((at) => at < used[0] || at >= used[1]);
  // The digest and the status lie one after the other, a canary between them.
  strictEqual(outside.length, 33);
  strictEqual(outside.at(-1)! - outside[0]!, 33);
});

Deno.test("packed: nothing is written but the ring and the writable buffers, whatever those hold", async () => {
  for (const filling of [0, 1, 0xff]) {
    using machine = await Machine.start({
      backend: "noble",
      features: F_VERSION_1 | F_INDIRECT_DESC | F_RING_PACKED,
    });
    const created = machine.device.sessions.create({
      service: "hash",
      algorithm: "sha256",
      resultBytes: 32,
    });
    ok("id" in created);
    const { arena } = machine;
    const ring = new HandRing(machine, 0, RING_SIZE, 0);
    const { bytes } = arena.low.region;
    const header = digestHeader(HASH_OPCODE, created.id, 40, 32);
    for (const table of [undefined, LOW_ADDRESS + 0x4000]) {
      const place = (offset: number, piece: Uint8Array, writable: boolean) => {
        bytes.set(piece, offset);
        const address = LOW_ADDRESS + offset;
        return { address, lengthBytes: piece.length, writable };
      };
      const pieces = [
        place(0x5000, header, false),
        place(0x6000, DATA, false),
        place(0x7000, new Uint8Array(32).fill(filling), true),
        place(0x8000, Uint8Array.of(filling), true),
      ];
      const before = arena.snapshot();
      const used = ring.submit(pieces, table);
      strictEqual(used?.lengthBytes, 33);
      ring.acceptRingWrites(before);
      // The table is the driver's own writing.
      if (table) arena.accept(before, table, 16 * pieces.length);
      for (const { address, lengthBytes, writable } of pieces) {
        if (writable) arena.accept(before, address, lengthBytes);
      }
      strictEqual(arena.difference(before), undefined);
      deepStrictEqual([...bytes.slice(0x7000, 0x7020)], DIGEST);
      strictEqual(bytes[0x8000], Status.Ok);
    }
  }
});

Deno.test("the flag WRITE on a reference to an indirect table is ignored", async () => {
  using guest = await RawGuest.start();
  const session = openHash(guest);
  const header = digestHeader(HASH_OPCODE, session, 40, 32);
  const parts = [
    { at: guest.place(header), length: header.length, flags: NEXT, next: 1 },
    { at: guest.place(DATA), length: 40, flags: NEXT, next: 2 },
    { at: guest.allocate(32), length: 32, flags: WRITE | NEXT, next: 3 },
    { at: guest.allocate(1), length: 1, flags: WRITE, next: 0 },
  ];
  const table = new Uint8Array(16 * parts.length);
  const view = new DataView(table.buffer);
  parts.forEach(({ at, length, flags, next }, i) => {
    view.setBigUint64(16 * i, guest.address(at), true);
    view.setUint32(16 * i + 8, length, true);
    view.setUint16(16 * i + 12, flags, true);
    view.setUint16(16 * i + 14, next, true);
  });
  const used = guest.submit(0, [{
    address: guest.address(guest.place(table)),
    lengthBytes: table.length,
    flags: INDIRECT | WRITE,
    next: 0,
  }]);
  strictEqual(used?.lengthBytes, 33);
  deepStrictEqual([...guest.bytes(parts[2]!.at, 32)], DIGEST);
  strictEqual(guest.bytes(parts[3]!.at, 1)[0], Status.Ok);
});

const CUTS: readonly (readonly [string, (lengthBytes: number) => number[]])[] =
  [
    ["a byte each", (lengthBytes) => new Array<number>(lengthBytes).fill(1)],
    ["odd pieces", (lengthBytes) => {
      const pieces: number[] = [];
      for (let left = lengthBytes, n = 1; left > 0; n = n % 13 + 3) {
        pieces.push(Math.min(n, left));
        left -= pieces.at(-1)!;
      }
      return pieces;
    }],
  ];

Deno.test("buffers may be cut into descriptors in any way", async (t) => {
  for (const [how, splitBuffers] of CUTS) {
    for (const packed of [false, true]) {
      for (const indirect of [false, true]) {
        const form = `${packed ? "packed" : "split"}, ` +
          (indirect ? "indirect" : "direct");
        await t.step(`${how}, ${form}`, async () => {
          await using driver = await Driver.start(await createDevice(), {
            packed,
            indirect,
            splitBuffers,
            queueSize: 512,
            maxDescriptors: 512,
            revision1: true,
          });
          await using hash = await unchecked(driver).hash({
            algorithm: "sha256",
          });
          deepStrictEqual([...await hash.digest(DATA)], DIGEST);
        });
      }
    }
  }
});

testOnSetups(
  "many requests at a time each get their own answer",
  anywhere,
  async ({ driver }) => {
    await using hash = await unchecked(driver).hash({ algorithm: "sha256" });
    const sources = Array.from(
      { length: 600 },
      (_, i) => new Uint8Array(i % 97).fill(i),
    );
    const digests = await Promise.all(
      sources.map((source) => hash.digest(source)),
    );
    ok(
      digests.every((digest, i) =>
        createHash("sha256").update(sources[i]!).digest("hex") ===
          digest.toHex()
      ),
    );
  },
);

/** Requests of which the device notifies, by what the driver's ring asks. */
async function notifiedOf(
  features: bigint,
  ask: (ring: ReturnType<RawGuest["ring"]>, request: number) => void,
): Promise<number[]> {
  using guest = await RawGuest.start({}, F_VERSION_1 | features);
  const session = openHash(guest);
  const notified: number[] = [];
  for (let request = 0; request < 8; request++) {
    ask(guest.ring(0), request);
    guest.link.onNotification(0, () => notified.push(request));
    guest.request(0, [digestHeader(HASH_OPCODE, session, 40, 32), DATA], [33]);
  }
  return notified;
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

Deno.test("split, without event index: flags decide about notifications, used_event does not", async () => {
  deepStrictEqual(
    await notifiedOf(0n, (ring, request) => {
      ring.usedEvent(request % 2 === 0 ? request : 0x7000);
      ring.availableFlags(0);
    }),
    ALL,
  );
  deepStrictEqual(
    await notifiedOf(0n, (ring, request) => {
      ring.usedEvent(request);
      ring.availableFlags(request < 4 ? 1 : 0);
    }),
    [4, 5, 6, 7],
  );
});

Deno.test("split, with event index: used_event decides about notifications, flags do not", async () => {
  deepStrictEqual(
    await notifiedOf(F_EVENT_IDX, (ring, request) => {
      ring.availableFlags(1);
      ring.usedEvent(request);
    }),
    ALL,
  );
  deepStrictEqual(
    await notifiedOf(F_EVENT_IDX, (ring) => {
      ring.availableFlags(0);
      ring.usedEvent(5);
    }),
    [5],
  );
});
