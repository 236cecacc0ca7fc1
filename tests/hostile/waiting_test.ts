import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { Status } from "../../device/wire/status.ts";
import { type Libc, nativeBuffer, openLibc } from "../../ffi/libc.ts";
import { SocketMessages } from "../../ffi/libc_socket.ts";
import {
  AES,
  CONTROL,
  createByQueue,
  startGeneric,
} from "../../testing/qemu_front_end.ts";
import { LEGACY } from "../../testing/requests.ts";
import { Obstacle } from "../../testing/obstacle.ts";
import { isReadable } from "../../testing/readable.ts";
import {
  GUEST_ADDRESS,
  longs,
  ScriptedFrontEnd,
  type ScriptedRing,
  words,
} from "../../testing/scripted_front_end.ts";
import { BLOCKS, NEVER_ENDS } from "../../testing/sluggish_backend.ts";
import { startSluggish } from "../../testing/sluggish_guest.ts";
import {
  connect,
  encryption,
  openDeviceSession,
  startRing,
  usedIndex,
} from "../../testing/vhost_user_rings.ts";
import {
  eventually,
  openDescriptors,
  startTestServer,
  type TestServer,
} from "../../testing/vhost_user_server.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const F_SETFL = 4;
const O_RDWR = 2;
const LINGER_SECONDS = 60;
const ALMOST_FULL = 0xffff_ffff_ffff_fffen;
const LOOPBACK = [127, 0, 0, 1];

const SLUGGISH =
  new URL("../../testing/sluggish_backend.ts", import.meta.url).href;

const UNENDED = "a backend has not ended 1 operation within";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A TCP connection with data that its other end does not read. */
function lingeringSocket(libc: Libc): { fd: number; others: number[] } {
  const library = Deno.dlopen("libc.so.6", {
    setsockopt: {
      parameters: ["i32", "i32", "i32", "buffer", "u32"],
      result: "i32",
    },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  });
  const address = nativeBuffer(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  address.set(LOOPBACK, 4);
  const listener = libc.symbols.socket(AF_INET, SOCK_STREAM, 0);
  strictEqual(libc.symbols.bind(listener, address, 16), 0);
  strictEqual(libc.symbols.listen(listener, 1), 0);
  const length = nativeBuffer(4);
  new DataView(length.buffer).setUint32(0, 16, true);
  strictEqual(library.symbols.getsockname(listener, address, length), 0);
  const fd = libc.symbols.socket(AF_INET, SOCK_STREAM, 0);
  strictEqual(libc.symbols.connect(fd, address, 16), 0);
  const other = libc.symbols.accept4(listener, null, null, 0);
  const messages = new SocketMessages(libc);
  const bytes = nativeBuffer(64 * 1024);
  while (messages.send(fd, bytes) > 0);
  const linger = nativeBuffer(8);
  new DataView(linger.buffer).setInt32(0, 1, true);
  new DataView(linger.buffer).setInt32(4, LINGER_SECONDS, true);
  strictEqual(
    library.symbols.setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, 8),
    0,
  );
  library.close();
  return { fd, others: [other, listener] };
}

Deno.test("a descriptor whose closing waits holds nobody up", async () => {
  await using server = await startTestServer();
  const libc = openLibc();
  using front = connect(server);
  await front.ask(Request.GetFeatures);
  const { fd, others } = lingeringSocket(libc);
  const obstacle = await Obstacle.start("close", others[0]!);
  front.send(Request.SetOwner, new Uint8Array(), [fd]);
  // The device has the last one then.
  libc.close(fd);
  await front.ask(Request.GetFeatures);
  ok(obstacle.stands);
  await obstacle.remove();
  libc.close(others[1]!);
});

/** Makes a request available that creates a session; does not wait for it. */
function sendCreation(front: ScriptedFrontEnd, ring: ScriptedRing): void {
  let at = 0x20_0000;
  const readable = encodeCreateRequest(AES, LEGACY).map((piece) => {
    front.region.bytes.set(piece, at);
    const guestAddress = GUEST_ADDRESS + at;
    at += piece.length;
    return { guestAddress, lengthBytes: piece.length };
  });
  const writable = [{ guestAddress: GUEST_ADDRESS + at, lengthBytes: 16 }];
  ring.queue.add(readable, writable, 0);
  ring.queue.publish();
  ring.queue.enableInterrupts();
  front.libc.signal(ring.kickFd);
}

/** Fills `fd`, and makes whoever writes to it wait. */
function fill(libc: Libc, fd: number): void {
  const { symbols } = libc;
  libc.clear(fd);
  strictEqual(symbols.eventfd_write(fd, ALMOST_FULL), 0);
  strictEqual(symbols.fcntl(fd, F_SETFL, O_RDWR), 0);
}

for (const what of ["call", "error"] as const) {
  Deno.test(`a full ${what} descriptor that blocks holds nobody up`, async () => {
    await using server = await startTestServer();
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    await createByQueue(front, control);
    const full = front.eventfd();
    const request = what === "call"
      ? Request.SetVringCall
      : Request.SetVringErr;
    await front.tell(request, longs(CONTROL), [full]);
    // A new call descriptor is signalled at once, on a thread of the runtime.
    if (what === "call") await isReadable(full, 60_000);
    fill(front.libc, full);
    const obstacle = await Obstacle.start("clear", full);
    if (what === "call") {
      sendCreation(front, control);
      await eventually(() => usedIndex(front, control) === 2, () => "answer");
    } else {
      // A descriptor that the ring does not have breaks it.
      const { availableAddress } = control.queue.addresses;
      const at = availableAddress - GUEST_ADDRESS;
      const { view } = front.region;
      const next = view.getUint16(at + 2, true);
      view.setUint16(at + 4 + 2 * (next % 64), 64, true);
      view.setUint16(at + 2, next + 1, true);
      front.libc.signal(control.kickFd);
      await server.logged("queue 2 is broken");
    }
    await front.ask(Request.GetFeatures);
    ok(obstacle.stands);
    // What waits ends before the test does.
    await obstacle.remove();
  });
}

Deno.test("a full call descriptor that blocks does not stop a data ring", async () => {
  await using server = await startTestServer();
  using front = connect(server);
  const ring = await startRing(front, 0);
  const request = encryption(openDeviceSession(server));
  await front.request(ring, [request], [64, 1]);
  const full = front.eventfd();
  await front.tell(Request.SetVringCall, longs(0), [full]);
  fill(front.libc, full);
  const obstacle = await Obstacle.start("clear", full);
  front.region.bytes.set(request, 0x20_0000);
  const readable = { guestAddress: GUEST_ADDRESS + 0x20_0000 };
  const writable = { guestAddress: GUEST_ADDRESS + 0x21_0000 };
  for (let i = 2; i < 6; i++) {
    ring.queue.add(
      [{ ...readable, lengthBytes: request.length }],
      [{ ...writable, lengthBytes: 65 }],
      0,
    );
    ring.queue.publish();
    ring.queue.enableInterrupts();
    front.libc.signal(ring.kickFd);
    await eventually(() => usedIndex(front, ring) === i, () => `answer ${i}`);
    ring.queue.take();
  }
  await front.ask(Request.GetVringBase, words(0, 0));
  ok(obstacle.stands);
  await obstacle.remove();
});

/** Which of the two was told when. */
const order = ({ log }: TestServer, what: string): (string | undefined)[] =>
  log.map((line) => [UNENDED, what].find((one) => line.includes(one)))
    .filter((one) => one !== undefined);

Deno.test("memory stays while a backend may still write to it", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, NEVER_ENDS);
  using front = started.front;
  front.send(Request.GetVringBase, words(0, 0));
  // Closed backends write no more: only then is the request answered.
  await server.logged(UNENDED);
  deepStrictEqual((await front.receive())?.payload, words(0, 1));
  deepStrictEqual(order(server, "queue 0 stopped"), [
    UNENDED,
    "queue 0 stopped",
  ]);
  strictEqual(usedIndex(front, started.ring), 1);
  strictEqual(front.region.bytes[0x21_0040], Status.Error);
});

Deno.test("a region is added while operations are under way that never end", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, NEVER_ENDS);
  using front = started.front;
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  // Below the others in the guest, so that it would take their place.
  const fields = [0, 0x10_0000, 0x1000, 0x7000_0000_0000, 0];
  fields.forEach((value, i) => view.setBigUint64(8 * i, BigInt(value), true));
  strictEqual(
    await front.tell(Request.AddMemReg, bytes, [front.memoryFd]),
    0,
  );
  ok(!server.log.some((line) => line.includes("has not ended")));
  strictEqual(usedIndex(front, started.ring), 0);
});

Deno.test("a broken ring waits for its operations like one that stops", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, NEVER_ENDS);
  using front = started.front;
  const { availableAddress } = started.ring.queue.addresses;
  const at = availableAddress - GUEST_ADDRESS;
  front.region.view.setUint16(at + 2, 5000, true);
  front.libc.signal(started.ring.kickFd);
  await server.logged("queue 0 is broken");
  deepStrictEqual(order(server, "queue 0 is broken"), [
    UNENDED,
    "queue 0 is broken",
  ]);
});

Deno.test("a call descriptor stays open until a busy thread knows the next", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, BLOCKS);
  using front = started.front;
  const told = front.tell(Request.SetVringCall, longs(0), [front.eventfd()]);
  await pause(100);
  strictEqual(usedIndex(front, started.ring), 0);
  started.release();
  await told;
  // The thread reads its commands when the request under way is answered.
  strictEqual(usedIndex(front, started.ring), 1);
});

Deno.test("call descriptors do not pile up while a thread is busy", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  const started = await startSluggish(server, BLOCKS);
  using front = started.front;
  const before = openDescriptors();
  const fd = front.eventfd();
  for (let i = 0; i < 40; i++) {
    front.send(Request.SetVringCall, longs(0), [fd]);
  }
  await pause(300);
  const added = openDescriptors() - before;
  started.release();
  ok(added < 8, `${added} more descriptors`);
  await front.ask(Request.GetVringBase, words(0, 0));
});
