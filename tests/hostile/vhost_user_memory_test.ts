import { ok, strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { socketPair } from "../../ffi/libc_socket.ts";
import { ringOffsets } from "../../driver/rings/layout.ts";
import { RawSplitRing } from "../../testing/raw_ring.ts";
import type { HammerOrder } from "../../testing/memory_hammer.ts";
import {
  GUEST_ADDRESS,
  longs,
  MEMORY_BYTES,
  type ScriptedFrontEnd,
  words,
} from "../../testing/scripted_front_end.ts";
import {
  connect,
  encryption,
  expectAnswer,
  openDeviceSession,
  startRing,
} from "../../testing/vhost_user_rings.ts";
import {
  eventually,
  openDescriptors,
  startTestServer,
} from "../../testing/vhost_user_server.ts";

const RING_SIZE = 64;
const REQUEST_AT = 0x20_0000;
const TABLE_AT = 0x21_0000;
const OUT_AT = 0x22_0000;
const WRITE = 2;
const INDIRECT = 4;

/** Writes to guest memory from another thread; returns how often it did. */
function hammer(order: HammerOrder): Promise<number> {
  const url = new URL("../../testing/memory_hammer.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<number>) => {
      worker.terminate();
      resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(order);
  });
}

/** Makes one request available again and again, direct or through a table. */
async function sendFor(
  front: ScriptedFrontEnd,
  kickFd: number,
  milliseconds: number,
): Promise<void> {
  const ring = new RawSplitRing(front.region, 0, RING_SIZE);
  const end = performance.now() + milliseconds;
  let sent = 0;
  while (performance.now() < end) {
    const used = ring.usedIndex;
    for (let i = (sent - used) & 0xffff; i < 8; i++) {
      ring.availableEntry(sent % RING_SIZE, 2 * (sent % 2));
      sent++;
    }
    ring.availableIndex(sent & 0xffff);
    front.libc.signal(kickFd);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

// Header, descriptors, indirect table and data change at any time, on another
// processor, between any two reads of the device.
Deno.test("CVE-2020-14375: a second thread changes everything while requests run", async () => {
  await using server = await startTestServer();
  await expectAnswer(server);
  const front = connect(server);
  const { kickFd } = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  const ring = new RawSplitRing(front.region, 0, RING_SIZE);
  const at = (offset: number) => BigInt(GUEST_ADDRESS + offset);
  front.region.bytes.set(request, REQUEST_AT);
  const pieces = [
    { address: at(REQUEST_AT), lengthBytes: request.length, flags: 1, next: 1 },
    { address: at(OUT_AT), lengthBytes: 65, flags: WRITE },
    { address: at(TABLE_AT), lengthBytes: 32, flags: INDIRECT },
  ];
  pieces.forEach((piece, index) => ring.descriptor(index, piece));
  const { descriptor } = ringOffsets(RING_SIZE, false);
  front.region.bytes.copyWithin(TABLE_AT, descriptor, descriptor + 32);
  const fences = [OUT_AT - 4096, OUT_AT + 512, REQUEST_AT + 4096];
  for (const fence of fences) front.region.bytes.fill(0x5c, fence, fence + 64);
  const words = [0, 24, 28, 32, 64].map((offset) => REQUEST_AT + offset);
  const descriptors = [0, 4, 8, 12, 24, 28, 40].flatMap((offset) =>
    offset === 24 || offset === 8 || offset === 12
      ? [TABLE_AT + offset, descriptor + offset]
      : []
  );
  const milliseconds = 1500;
  const [writes] = await Promise.all([
    hammer({
      memoryFd: front.memoryFd,
      memoryBytes: MEMORY_BYTES,
      places: [...words, ...descriptors],
      values: [0, 1, 16, 64, 65, 152, 0x0001_0001, 0x0001_0002, 0xffff_fff0],
      milliseconds,
    }),
    sendFor(front, kickFd, milliseconds),
  ]);
  ok(writes > 10_000, `only ${writes} writes`);
  const { bytes } = front.region;
  for (const fence of fences) {
    ok(bytes.subarray(fence, fence + 64).every((byte) => byte === 0x5c));
  }
  ok(
    ring.usedIndex !== 0 || server.log.some((line) => line.includes("broken")),
  );
  strictEqual(await front.tell(Request.SetVringEnable, new Uint8Array(8)), 0);
  front[Symbol.dispose]();
  await server.logged("gone:", 2);
  await expectAnswer(server);
});

// Kick and call descriptors are the front-end's choice: files, ends of
// connections that nobody reads. None may hold up or end the device.
Deno.test("kick and call descriptors of strange kinds do no harm", async () => {
  await using server = await startTestServer();
  await expectAnswer(server);
  const descriptors = openDescriptors();
  for (const kind of ["memory", "closed socket", "own socket"] as const) {
    const front = connect(server);
    const pair = socketPair(front.libc);
    if (typeof pair === "number") throw new Error(front.libc.describe(pair));
    const fd = {
      memory: front.memoryFd,
      "closed socket": pair[0],
      "own socket": front.fd,
    }[kind];
    front.libc.close(pair[1]);
    const ring = await startRing(front, 0);
    strictEqual(await front.tell(Request.SetVringCall, longs(0), [fd]), 0);
    const request = encryption(openDeviceSession(server));
    front.region.bytes.set(request, REQUEST_AT);
    const raw = new RawSplitRing(front.region, 0, RING_SIZE);
    const address = BigInt(GUEST_ADDRESS + REQUEST_AT);
    raw.descriptor(0, { address, lengthBytes: 152, flags: 1, next: 1 });
    raw.descriptor(1, { address, lengthBytes: 65, flags: WRITE });
    raw.availableEntry(0, 0);
    raw.availableIndex(1);
    front.libc.signal(ring.kickFd);
    await eventually(() => raw.usedIndex === 1, () => `answer, call ${kind}`);
    // A notification into the connection itself ends it: it is no message.
    if (kind !== "own socket") {
      front.send(Request.SetVringKick, longs(0), [fd]);
      front.send(Request.SetVringErr, longs(0), [fd]);
      raw.availableEntry(1, 99);
      raw.availableIndex(2);
      front.send(Request.SetVringEnable, words(0, 0));
    }
    front.libc.close(pair[0]);
    front[Symbol.dispose]();
    await eventually(
      () => openDescriptors() <= descriptors,
      () => `${openDescriptors()} descriptors, ${descriptors} before`,
    );
    await expectAnswer(server);
  }
});
