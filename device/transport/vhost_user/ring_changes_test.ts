import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import {
  AES,
  createByQueue,
  encrypt,
  encryptsWell,
  shareMemory,
  startGeneric,
  withServer,
} from "../../../testing/qemu_front_end.ts";
import { LEGACY } from "../../../testing/requests.ts";
import { isReadable } from "../../../testing/readable.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  u64,
  USER_ADDRESS,
  words,
} from "../../../testing/scripted_front_end.ts";
import { guestMappings } from "../../../testing/vhost_user_server.ts";
import {
  decodeCreateOutcome,
  encodeCreateRequest,
} from "../../wire/control_encode.ts";
import { Request } from "./messages.ts";

const libc = openLibc();

withServer(
  "a call descriptor is replaced without losing an interrupt",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data } = await startGeneric(front);
    const replaced = front.eventfd();
    data.callFd = replaced;
    strictEqual(
      await front.tell(Request.SetVringCall, longs(0), [replaced]),
      0,
    );
    ok(await isReadable(replaced, 60_000));
    libc.clear(replaced);
    strictEqual((await encrypt(front, data, 1)).status, 4);
    strictEqual(await front.tell(Request.SetVringCall, longs(0x100)), 0);
  },
);

withServer(
  "a ring without kick descriptor is looked at by itself",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    strictEqual(await front.tell(Request.SetVringKick, longs(0x100)), 0);
    await encryptsWell(front, data, session, false);
    strictEqual(await front.tell(Request.SetVringKick, longs(0x102)), 0);
    const pieces = encodeCreateRequest(AES, LEGACY);
    const [answer] = await front.request(control, pieces, [16], false);
    strictEqual(decodeCreateOutcome(answer!).status, 0);
  },
);

withServer("memory may change while rings run", async (server) => {
  using front = ScriptedFrontEnd.connect(server.path);
  const { data, control } = await startGeneric(front);
  const session = await createByQueue(front, control);
  strictEqual(u64(await front.ask(Request.GetMaxMemSlots)), 509);
  const extra = Uint8Array.from([
    ...longs(0, 0x10_0000, 0x10_0000, 0x1000, 0),
  ]);
  const fd = front.memoryFd;
  strictEqual(await front.tell(Request.AddMemReg, extra, [fd]), 0);
  strictEqual(await front.tell(Request.AddMemReg, extra, [fd]), 1);
  await encryptsWell(front, data, session);
  strictEqual(await front.tell(Request.RemMemReg, extra, [fd]), 0);
  await encryptsWell(front, data, session);
  await shareMemory(front);
  await encryptsWell(front, data, session);
  await createByQueue(front, control);
  // The test's own mapping and one of the device.
  strictEqual(guestMappings(), 2);
});

const HALF = MEMORY_BYTES / 2;
const region = (start: number, lengthBytes: number) =>
  longs(0, GUEST_ADDRESS + start, lengthBytes, USER_ADDRESS + start, start);

/** Adds and removes regions; each has to be accepted. */
async function changeRegions(
  front: ScriptedFrontEnd,
  request: Request,
  ...regions: Uint8Array[]
): Promise<void> {
  const fds = request === Request.AddMemReg ? [front.memoryFd] : [];
  for (const one of regions) {
    strictEqual(await front.tell(request, one, fds), 0);
  }
}

/** Memory that goes, and how it comes back. */
const ABSENCES: readonly {
  name: string;
  go(front: ScriptedFrontEnd): Promise<void>;
  comeBack(front: ScriptedFrontEnd): Promise<void>;
}[] = [
  {
    name: "as it was",
    go: (front) =>
      changeRegions(front, Request.RemMemReg, region(0, MEMORY_BYTES)),
    comeBack: (front) =>
      changeRegions(front, Request.AddMemReg, region(0, MEMORY_BYTES)),
  },
  {
    name: "in two parts",
    go: (front) =>
      changeRegions(front, Request.RemMemReg, region(0, MEMORY_BYTES)),
    comeBack: (front) =>
      changeRegions(
        front,
        Request.AddMemReg,
        region(HALF, HALF),
        region(0, HALF),
      ),
  },
  {
    name: "by another table",
    async go(front) {
      const table = Uint8Array.from([
        ...words(1, 0),
        ...region(HALF, HALF)
          .subarray(8),
      ]);
      const fds = [front.memoryFd];
      strictEqual(await front.tell(Request.SetMemTable, table, fds), 0);
    },
    comeBack: shareMemory,
  },
];

for (const { name, go, comeBack } of ABSENCES) {
  withServer(
    `rings whose memory goes wait until it comes back: ${name}`,
    async (server) => {
      using front = ScriptedFrontEnd.connect(server.path);
      const { data, control } = await startGeneric(front);
      const session = await createByQueue(front, control);
      await encryptsWell(front, data, session);
      await go(front);
      await server.logged("queue 0 waits for its memory");
      await server.logged("queue 2 waits for its memory");
      const waiting = Promise.all([
        encryptsWell(front, data, session),
        createByQueue(front, control),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await comeBack(front);
      await waiting;
      await encryptsWell(front, data, session);
      await createByQueue(front, control);
      strictEqual(u64(await front.ask(Request.GetStatus)) & 0x40, 0);
      // The test's own and those of the device, which the kernel may join.
      ok(guestMappings() <= 3);
    },
  );
}

withServer(
  "rings without a kick descriptor wait for their memory, too",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    for (const index of [0x100, 0x102]) {
      strictEqual(await front.tell(Request.SetVringKick, longs(index)), 0);
    }
    const whole = region(0, MEMORY_BYTES);
    await changeRegions(front, Request.RemMemReg, whole);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await changeRegions(front, Request.AddMemReg, whole);
    await encryptsWell(front, data, session, false);
    const pieces = encodeCreateRequest(AES, LEGACY);
    await front.request(control, pieces, [16], false);
  },
);

withServer(
  "a ring that waits for its memory can be stopped and started",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    const whole = region(0, MEMORY_BYTES);
    await changeRegions(front, Request.RemMemReg, whole);
    const base = await front.ask(Request.GetVringBase, words(0, 0));
    deepStrictEqual([...base], [...words(0, 1)]);
    front.send(Request.SetVringNum, words(0, 64));
    front.send(Request.SetVringBase, words(0, 1));
    front.send(Request.SetVringAddr, front.ringAddresses(0, data));
    const { kickFd } = data;
    strictEqual(await front.tell(Request.SetVringKick, longs(0), [kickFd]), 0);
    strictEqual(await front.tell(Request.SetVringEnable, words(2, 0)), 0);
    strictEqual(await front.tell(Request.SetVringEnable, words(2, 1)), 0);
    await changeRegions(front, Request.AddMemReg, whole);
    await encryptsWell(front, data, session);
    await createByQueue(front, control);
  },
);

withServer(
  "the addresses of a ring do not outlive its stop",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const session = await createByQueue(front, control);
    await encryptsWell(front, data, session);
    for (const [index, ring] of [[0, data], [2, control]] as const) {
      await front.ask(Request.GetVringBase, words(index, 0));
      const kick = longs(index);
      const fds = [ring.kickFd];
      strictEqual(await front.tell(Request.SetVringKick, kick, fds), 0);
      strictEqual(await front.tell(Request.SetVringEnable, words(index, 1)), 0);
    }
    const starts = server.log.filter((line) => line.includes("started"));
    strictEqual(starts.length, 2);
    for (const [index, ring] of [[0, data], [2, control]] as const) {
      const addresses = front.ringAddresses(index, ring);
      strictEqual(await front.tell(Request.SetVringAddr, addresses), 0);
    }
    await server.logged("queue 2 started", 2);
    await encryptsWell(front, data, await createByQueue(front, control));
  },
);

withServer(
  "a ring whose end was never shared is refused",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    await startGeneric(front);
    await front.ask(Request.GetVringBase, words(0, 0));
    front.send(Request.SetVringNum, words(0, 64));
    const end = USER_ADDRESS + MEMORY_BYTES;
    const addresses = [end - 16 * 64 + 16, end - 8, end - 8].map(BigInt);
    const payload = Uint8Array.from([
      ...words(0, 0),
      ...longs(...addresses, 0),
    ]);
    strictEqual(await front.tell(Request.SetVringAddr, payload), 0);
    const fd = front.eventfd();
    strictEqual(await front.tell(Request.SetVringKick, longs(0), [fd]), 1);
    await server.logged("ring 0 is outside the shared memory");
  },
);

withServer(
  "a ring that is broken stays so when the memory changes",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    for (const ring of [data, control]) {
      const at = ring.queue.addresses.availableAddress - GUEST_ADDRESS;
      front.region.view.setUint16(at + 2, 5000, true);
      libc.signal(ring.kickFd);
    }
    await server.logged("queue 0 is broken");
    await server.logged("queue 2 is broken");
    await shareMemory(front);
    await shareMemory(front);
    const broken = server.log.filter((line) => line.includes("is broken"));
    strictEqual(broken.length, 2);
  },
);

withServer(
  "a broken ring signals its error descriptor; others go on",
  async (server) => {
    using front = ScriptedFrontEnd.connect(server.path);
    const { data, control } = await startGeneric(front);
    const error = front.eventfd();
    await front.tell(Request.SetVringErr, longs(0), [error]);
    const { availableAddress } = data.queue.addresses;
    const at = availableAddress - GUEST_ADDRESS;
    front.region.view.setUint16(at + 2, 5000, true);
    libc.signal(data.kickFd);
    ok(await isReadable(error, 60_000));
    await createByQueue(front, control);
    const base = await front.ask(Request.GetVringBase, words(0, 0));
    deepStrictEqual([...base], [...words(0, 0)]);
  },
);
