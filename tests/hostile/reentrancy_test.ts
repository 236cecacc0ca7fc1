import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Status } from "../../device/wire/status.ts";
import { ringOffsets } from "../../driver/rings/layout.ts";
import { testOnBackends } from "../../testing/ready_backends.ts";
import { NEXT, RawGuest, WRITE } from "../../testing/raw_guest.ts";
import {
  cipherHeader,
  expectService,
  openAesCbc,
} from "../../testing/requests.ts";

const RING_SIZE = 64;
const IV = new Uint8Array(16);

/** Puts a legal request's readable part into guest memory. */
function placeRequest(guest: RawGuest, session: number): bigint {
  const bytes = new Uint8Array(72 + 16 + 64);
  bytes.set(cipherHeader(session, 16, 64, 64));
  bytes.set(IV, 72);
  return guest.address(guest.place(bytes));
}

// QEMU freed a request in its completion while the write that completed it ran
// the device again: the guest's buffer was the device's own registers or rings.
await testOnBackends(
  "CVE-2024-3446: results and statuses may land in the rings themselves",
  async (backend) => {
    const offsets = ringOffsets(RING_SIZE, false);
    const { descriptor, driver, device } = offsets;
    const targets = [
      descriptor,
      descriptor + 32,
      driver,
      driver + 2,
      driver + 4,
    ];
    targets.push(device, device + 2, device + 4, offsets.lengthBytes - 66);
    for (const target of targets) {
      using guest = await RawGuest.start({ backends: [backend] });
      const session = openAesCbc(guest);
      const request = placeRequest(guest, session);
      const begin = performance.now();
      for (let i = 0; i < 3; i++) {
        guest.submit(0, [
          { address: request, lengthBytes: 152, flags: NEXT, next: 1 },
          { address: guest.address(target), lengthBytes: 65, flags: WRITE },
        ]);
      }
      ok(performance.now() - begin < 20_000, `result at ${target}`);
      // The other queue goes on, whatever became of this one.
      openAesCbc(guest);
    }
  },
);

await testOnBackends(
  "CVE-2024-3446: a request may be read from the rings themselves",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const at = guest.allocate(1);
    for (let offset = 0; offset < 2048; offset += 97) {
      const used = guest.submit(0, [
        {
          address: guest.address(offset),
          lengthBytes: 500,
          flags: NEXT,
          next: 1,
        },
        { address: guest.address(at), lengthBytes: 1, flags: WRITE },
      ]);
      strictEqual(used?.lengthBytes, 1);
    }
    expectService(guest);
  },
);

// A driver that kicks from within its completion must not run the device in
// the midst of itself.
await testOnBackends(
  "CVE-2024-3446: a kick from within a completion is served after it",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const request = placeRequest(guest, session);
    const outAt = guest.allocate(65);
    const ring = guest.ring(0);
    ring.descriptor(0, {
      address: request,
      lengthBytes: 152,
      flags: NEXT,
      next: 1,
    });
    ring.descriptor(1, {
      address: guest.address(outAt),
      lengthBytes: 65,
      flags: WRITE,
    });
    let depth = 0;
    let deepest = 0;
    let sent = 0;
    const send = () => {
      ring.availableEntry(sent % RING_SIZE, 0);
      sent++;
      ring.availableIndex(sent & 0xffff);
      guest.link.kick(0);
    };
    const statuses = new Set<number>();
    guest.link.onNotification(0, () => {
      deepest = Math.max(deepest, ++depth);
      statuses.add(guest.bytes(outAt + 64, 1)[0]!);
      if (sent < 1000) send();
      guest.link.kick(guest.controlQueue);
      depth--;
    });
    send();
    strictEqual(deepest, 1);
    strictEqual(ring.usedIndex, 1000);
    deepStrictEqual([...statuses], [Status.Ok]);
  },
);

await testOnBackends(
  "CVE-2024-3446: closing a session from within its completion is safe",
  async (backend) => {
    using guest = await RawGuest.start({ backends: [backend] });
    const session = openAesCbc(guest);
    const request = placeRequest(guest, session);
    const outAt = guest.allocate(65);
    let resets = 0;
    guest.link.onNotification(0, () => {
      resets++;
      void guest.link.reset();
    });
    guest.submit(0, [
      { address: request, lengthBytes: 152, flags: NEXT, next: 1 },
      { address: guest.address(outAt), lengthBytes: 65, flags: WRITE },
    ]);
    strictEqual(resets, 1);
    guest.link.kick(0);
    strictEqual(guest.bytes(outAt + 64, 1)[0], Status.Ok);
  },
);
