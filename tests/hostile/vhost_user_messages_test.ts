import { ok, strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { encodeSessionMessage } from "../../device/wire/session_message_encode.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  ScriptedFrontEnd,
  u64,
  USER_ADDRESS,
  words,
} from "../../testing/scripted_front_end.ts";
import { connect } from "../../testing/vhost_user_rings.ts";
import {
  eventually,
  guestMappings,
  openDescriptors,
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";
import { authenticatedChain } from "../../testing/sessions.ts";

const TOP = 0xffff_ffff_ffff_ffffn;

/** Runs `attack` on connections of its own; nothing may be left of them. */
async function expectNothingLeft(
  attack: (front: ScriptedFrontEnd, server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer();
  // The first connection opens what the server keeps.
  await serveOnce(server);
  const descriptors = openDescriptors();
  const mappings = guestMappings();
  for (let i = 0; i < 5; i++) {
    const front = connect(server);
    await attack(front, server);
    front[Symbol.dispose]();
  }
  await eventually(
    () => openDescriptors() <= descriptors && guestMappings() <= mappings,
    () =>
      `${openDescriptors()} descriptors instead of ${descriptors}, ` +
      `${guestMappings()} mappings instead of ${mappings}`,
  );
  strictEqual(server.device.sessions.size, 0);
  await serveOnce(server);
}

/** The server answers a well-behaved front-end. */
async function serveOnce(server: TestServer): Promise<void> {
  const gone = server.log.filter((line) => line.includes("gone")).length;
  const front = connect(server);
  strictEqual(u64(await front.ask(Request.GetQueueNum)), 3);
  const table = front.memoryTable();
  const { memoryFd } = front;
  strictEqual(await front.tell(Request.SetMemTable, table, [memoryFd]), 0);
  front[Symbol.dispose]();
  await server.logged("front-end gone", gone + 1);
}

/** Sends a message; true when it was refused, by an answer or by hanging up. */
async function isRefused(
  front: ScriptedFrontEnd,
  request: number,
  payload: Uint8Array = new Uint8Array(),
  fds: readonly number[] = [],
): Promise<boolean> {
  front.send(request, payload, fds, 0x9);
  const reply = await front.receive();
  return reply === undefined || u64(reply.payload) !== 0;
}

// DPDK kept every descriptor that came with a message that has none: a few
// thousand messages, and no guest of the host could be served any more.
Deno.test("CVE-2019-14818: surplus and unexpected descriptors are closed", () =>
  expectNothingLeft(async (front) => {
    const fds = Array.from({ length: 8 }, () => front.eventfd());
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) {
      await front.ask(Request.GetFeatures, undefined, fds);
      front.send(Request.SetVringNum, words(0, 64), fds);
      front.send(Request.SetVringBase, words(0, 0), fds);
      front.send(Request.SetOwner, undefined, fds);
      await front.tell(Request.SetVringCall, longs(0), fds);
      await front.tell(Request.SetVringErr, longs(0), fds);
      await front.tell(Request.SetVringCall, longs(0x100), fds);
    }
    await front.ask(Request.GetFeatures);
    ok(openDescriptors() <= before + 3, "descriptors pile up");
  }));

Deno.test("CVE-2019-14818: descriptors of a message that is cut short are closed", () =>
  expectNothingLeft((front) => {
    const fds = [front.eventfd(), front.eventfd()];
    front.sendRaw(words(Request.SetVringNum, 1), fds);
    return Promise.resolve();
  }));

Deno.test("CVE-2019-14818: more descriptors than a message may have end the connection", () =>
  expectNothingLeft(async (front) => {
    const fds = Array.from({ length: 60 }, () => front.eventfd());
    front.send(Request.GetFeatures, undefined, fds);
    strictEqual(await front.receive(), undefined);
  }));

// DPDK added offset and size of the dirty log without a look at overflow.
Deno.test("CVE-2020-10722: a dirty log that is not in its file is not mapped", () =>
  expectNothingLeft(async (front, server) => {
    const mappings = guestMappings();
    const { memoryFd } = front;
    const seen = server.log.length;
    const attack = [[TOP, TOP], [4096n, TOP - 4095n], [0n, 0n]][seen % 3]!;
    front.send(Request.SetLogFd, longs(0), [front.eventfd()]);
    front.send(Request.SetLogBase, longs(...attack), [memoryFd]);
    strictEqual(await front.receive(), undefined);
    strictEqual(guestMappings(), mappings);
    ok(server.log.slice(seen).some((line) => line.includes("SET_LOG_BASE")));
  }));

// DPDK cut a ring index of 32 bits to 16, checked one and used the other.
Deno.test("CVE-2020-10723: ring indices are taken in full width", async () => {
  await using server = await startTestServer();
  for (const index of [3, 4, 255, 256, 0x1_0000, 0x1_0001, 0xffff_ffff]) {
    for (
      const [request, payload] of [
        [Request.SetVringNum, words(index, 64)],
        [Request.SetVringBase, words(index, 0)],
        [Request.SetVringEnable, words(index, 1)],
        [Request.GetVringBase, words(index, 0)],
        [
          Request.SetVringAddr,
          Uint8Array.from([...words(index, 0), ...longs(0, 0, 0, 0)]),
        ],
      ] as const
    ) {
      using front = connect(server);
      ok(await isRefused(front, request, payload), `${request} of ${index}`);
    }
  }
  await serveOnce(server);
});

// DPDK translated ring addresses and did not look whether that had failed.
Deno.test("CVE-2020-10725: rings outside the shared memory are not started", async () => {
  await using server = await startTestServer();
  const end = BigInt(USER_ADDRESS + MEMORY_BYTES);
  const bad = [0n, TOP, TOP - 4095n, end, end - 16n, 1n << 53n, 1n];
  for (const address of [...bad, BigInt(USER_ADDRESS - 16)]) {
    for (const which of [0, 1, 2]) {
      using front = connect(server);
      const { memoryFd } = front;
      const table = front.memoryTable();
      strictEqual(await front.tell(Request.SetMemTable, table, [memoryFd]), 0);
      const user = BigInt(USER_ADDRESS);
      const areas = [user, user + 8192n, user + 4096n].with(which, address);
      front.send(Request.SetVringNum, words(0, 64));
      front.send(Request.SetVringBase, words(0, 0));
      front.send(
        Request.SetVringAddr,
        Uint8Array.from([...words(0, 0), ...longs(...areas, 0)]),
      );
      front.send(Request.SetVringEnable, words(0, 1));
      front.send(Request.SetVringKick, longs(0), [front.eventfd()], 0x9);
      const reply = await front.receive();
      // What only the queue's thread finds out, it says by stopping the ring.
      if (reply && u64(reply.payload) === 0) await server.logged("queue 0");
    }
  }
  await serveOnce(server);
});

// DPDK allocated anew for each of these messages and kept the old. None of
// them is offered here; each must be refused and leave nothing.
for (
  const [name, request] of [
    ["CVE-2020-10726: GET_INFLIGHT_FD again and again", 31],
    ["CVE-2021-3839: SET_INFLIGHT_FD with wild queue numbers", 32],
    ["CVE-2022-0669: a flood of descriptors by inflight messages", 32],
    ["messages that are not offered: SET_SLAVE_REQ and postcopy", 28],
  ] as const
) {
  Deno.test(`${name} leaves nothing`, () =>
    expectNothingLeft(async (front) => {
      const fds = Array.from({ length: 8 }, () => front.eventfd());
      for (let i = 0; i < 20; i++) {
        const payload = Uint8Array.from([
          ...longs(TOP, TOP),
          ...words(0xffff, 0xffff),
        ]);
        try {
          front.send(request, payload, fds);
        } catch {
          // Dropped already; the descriptors of the rest never arrive.
          return;
        }
      }
      strictEqual(await front.receive(), undefined);
    }));
}

// The length of a region and its file's decide what may be mapped; SIGBUS would
// end the process for all guests.
Deno.test("regions beyond their file, huge or overlapping are refused", () =>
  expectNothingLeft(async (front) => {
    const { memoryFd } = front;
    const region = (
      guest: bigint,
      size: bigint,
      user: bigint,
      offset: bigint,
    ) => Uint8Array.from([...words(1, 0), ...longs(guest, size, user, offset)]);
    const guest = BigInt(GUEST_ADDRESS);
    const user = BigInt(USER_ADDRESS);
    const size = BigInt(MEMORY_BYTES);
    for (
      const payload of [
        region(guest, size + 1n, user, 0n),
        region(guest, size, user, 1n),
        region(guest, size, user, 4096n),
        region(guest, TOP, user, 0n),
        region(guest, 4096n, user, TOP),
        region(guest, TOP - 4095n, user, 4096n),
        region(guest, 0n, user, 0n),
        region(TOP - 4095n, size, user, 0n),
        region(guest, size, TOP - 4095n, 0n),
        region((1n << 53n) - 4096n, size, user, 0n),
      ]
    ) ok(await isRefused(front, Request.SetMemTable, payload, [memoryFd]));
    const twice = Uint8Array.from([
      ...words(2, 0),
      ...longs(guest, size, user, 0n),
      ...longs(guest + size - 4096n, size, user + size, 0n),
    ]);
    ok(
      await isRefused(front, Request.SetMemTable, twice, [memoryFd, memoryFd]),
    );
    const table = front.memoryTable();
    ok(await isRefused(front, Request.SetMemTable, table, []));
    ok(await isRefused(front, Request.SetMemTable, table, [front.eventfd()]));
    const count = words(0xffff_ffff, 0);
    ok(await isRefused(front, Request.SetMemTable, count, [memoryFd]));
  }));

// A file as long as its owner says costs nothing, yet no process can map it.
Deno.test("a region too large to be mapped is refused and leaves nothing", () =>
  expectNothingLeft(async (front) => {
    for (const exponent of [34n, 45n, 47n]) {
      const size = 1n << exponent;
      const fd = front.libc.memfdCreate("guest-huge", Number(size));
      if (fd < 0) continue;
      const payload = Uint8Array.from([
        ...words(1, 0),
        ...longs(GUEST_ADDRESS, size, USER_ADDRESS, 0),
      ]);
      front.send(Request.SetMemTable, payload, [fd], 0x9);
      front.libc.close(fd);
      if (!await front.receive()) return;
    }
  }));

// QEMU's layouts: 65, 513, 1025 and 2^32 - 1 in every key length.
Deno.test("CVE-2020-10724: session messages with long keys over the socket", async () => {
  await using server = await startTestServer();
  for (const layout of ["A", "B", "C"] as const) {
    using front = connect(server);
    for (const length of [65, 513, 1025, 0xffff_ffff]) {
      for (const word of [1, 4]) {
        const payload = encodeSessionMessage(authenticatedChain(), layout);
        const view = new DataView(payload.buffer);
        const at = (layout === "A" ? 12 : 8) + 4 * word;
        view.setUint32(at, length, true);
        const answer = await front.ask(Request.CreateCryptoSession, payload);
        const id = new DataView(answer.buffer, answer.byteOffset)
          .getBigInt64(layout === "C" ? 1064 : 0, true);
        // 65 bytes are a legal HMAC key.
        ok(
          word === 4 && length === 65 ? id > 0n : id < 0n,
          `${layout} ${length}`,
        );
      }
    }
    front.send(Request.CloseCryptoSession, longs(TOP));
    front.send(Request.CloseCryptoSession, longs(0));
    await front.ask(Request.GetFeatures);
  }
  await serveOnce(server);
});

// Framing: lengths, versions and numbers that no message has.
Deno.test("headers that no message has end the connection", async () => {
  await using server = await startTestServer();
  for (
    const header of [
      words(Request.GetFeatures, 1, 0xffff_ffff),
      words(Request.GetFeatures, 1, 4097),
      words(Request.GetFeatures, 1, 8),
      words(Request.GetFeatures, 0, 0),
      words(Request.GetFeatures, 2, 0),
      words(Request.GetFeatures, 5, 0),
      words(0, 1, 0),
      words(0x7fff_ffff, 1, 0),
      words(0xffff_ffff, 1, 0),
      words(Request.SetVringNum, 1, 7),
      words(Request.SetMemTable, 1, 8 + 33 * 32),
    ]
  ) {
    using front = ScriptedFrontEnd.connect(server.path);
    front.sendRaw(header);
    strictEqual(await front.receive(), undefined);
  }
  await serveOnce(server);
});
