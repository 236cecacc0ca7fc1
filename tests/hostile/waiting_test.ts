import { ok, strictEqual } from "node:assert/strict";
import { Request } from "../../device/transport/vhost_user/messages.ts";
import { encodeCreateRequest } from "../../device/wire/control_encode.ts";
import { type Libc, nativeBuffer, openLibc } from "../../ffi/libc.ts";
import { SocketMessages } from "../../ffi/libc_socket.ts";
import {
  AES,
  CONTROL,
  createByQueue,
  startGeneric,
} from "../support/qemu_front_end.ts";
import { LEGACY } from "../support/requests.ts";
import {
  GUEST_ADDRESS,
  longs,
  ScriptedFrontEnd,
  type ScriptedRing,
  words,
} from "../support/scripted_front_end.ts";
import { BLOCKS, NEVER_ENDS } from "../support/sluggish_backend.ts";
import { connect, encryption, startRing } from "../support/vhost_user_rings.ts";
import {
  openDescriptors,
  startTestServer,
  type TestServer,
} from "../support/vhost_user_server.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
const F_SETFL = 4;
const O_RDWR = 2;
const LINGER_SECONDS = 4;
const FREED_AFTER_MS = 3000;
/** Less than any of the waits that a test provokes. */
const SOON_MS = 1000;
const ALMOST_FULL = 0xffff_ffff_ffff_fffen;
const LOOPBACK = [127, 0, 0, 1];

const SLUGGISH =
  new URL("../support/sluggish_backend.ts", import.meta.url).href;

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
  const start = performance.now();
  front.send(Request.SetOwner, new Uint8Array(), [fd]);
  // The device has the last one then.
  libc.close(fd);
  await front.ask(Request.GetFeatures);
  ok(performance.now() - start < SOON_MS);
  for (const other of others) libc.close(other);
});

/** Another thread takes what `fd` counts, so that even a failure ends. */
function clearLater(fd: number): Worker {
  const code = `
    const { symbols } = Deno.dlopen("libc.so.6", {
      eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
    });
    setTimeout(
      () => symbols.eventfd_read(${fd}, new Uint8Array(8)),
      ${FREED_AFTER_MS},
    );
    postMessage("ready");`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  return new Worker(url, { type: "module" });
}

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

for (const what of ["call", "error"] as const) {
  Deno.test(`a full ${what} descriptor that blocks holds nobody up`, async () => {
    await using server = await startTestServer();
    using front = ScriptedFrontEnd.connect(server.path);
    const { control } = await startGeneric(front);
    await createByQueue(front, control);
    const { symbols } = front.libc;
    const full = front.eventfd();
    const request = what === "call"
      ? Request.SetVringCall
      : Request.SetVringErr;
    await front.tell(request, longs(CONTROL), [full]);
    await pause(50);
    symbols.eventfd_read(full, nativeBuffer(8));
    strictEqual(symbols.eventfd_write(full, ALMOST_FULL), 0);
    strictEqual(symbols.fcntl(full, F_SETFL, O_RDWR), 0);
    const worker = clearLater(full);
    await new Promise((resolve) => worker.onmessage = resolve);
    const start = performance.now();
    if (what === "call") sendCreation(front, control);
    else {
      // A descriptor that the ring does not have breaks it.
      const { availableAddress } = control.queue.addresses;
      const at = availableAddress - GUEST_ADDRESS;
      const { view } = front.region;
      const next = view.getUint16(at + 2, true);
      view.setUint16(at + 4 + 2 * (next % 64), 64, true);
      view.setUint16(at + 2, next + 1, true);
      front.libc.signal(control.kickFd);
    }
    await pause(100);
    ok(performance.now() - start < SOON_MS);
    await front.ask(Request.GetFeatures);
    ok(performance.now() - start < SOON_MS);
    // What waits ends before the test does.
    await pause(FREED_AFTER_MS);
    worker.terminate();
  });
}

/** A data ring with one request of the sluggish backend under way. */
async function startSluggish(server: TestServer, habit: number) {
  const front = connect(server);
  const ring = await startRing(front, 0);
  const created = server.device.sessions.create({
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(habit),
  });
  if (!("id" in created)) throw new Error(created.reason);
  const request = encryption(created.id);
  front.region.bytes.set(request, 0x20_0000);
  const readable = { guestAddress: GUEST_ADDRESS + 0x20_0000 };
  const writable = { guestAddress: GUEST_ADDRESS + 0x21_0000 };
  ring.queue.add(
    [{ ...readable, lengthBytes: request.length }],
    [{ ...writable, lengthBytes: 65 }],
    0,
  );
  // The thread has to have started for this.
  await front.tell(Request.SetMemTable, front.memoryTable(), [front.memoryFd]);
  ring.queue.publish();
  front.libc.signal(ring.kickFd);
  await pause(100);
  return front;
}

Deno.test("memory stays while a backend may still write to it", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  using front = await startSluggish(server, NEVER_ENDS);
  front.send(Request.GetVringBase, words(0, 0));
  strictEqual(await front.receive(), undefined);
  await server.logged("a backend has not ended 1 operations");
  ok(!server.log.some((line) => line.includes("queue 0 stopped")));
});

Deno.test("call descriptors do not pile up while a thread is busy", async () => {
  await using server = await startTestServer(undefined, SLUGGISH);
  using front = await startSluggish(server, BLOCKS);
  const before = openDescriptors();
  const fd = front.eventfd();
  for (let i = 0; i < 40; i++) {
    front.send(Request.SetVringCall, longs(0), [fd]);
  }
  await pause(300);
  const added = openDescriptors() - before;
  ok(added < 8, `${added} more descriptors`);
  await front.ask(Request.GetVringBase, words(0, 0));
});
