import { ok, strictEqual } from "node:assert/strict";
import { EAGAIN, nativeBuffer, openLibc } from "./libc.ts";
import {
  clearForeign,
  endForeignCalls,
  isSameFile,
  signalForeign,
  signalWithRoom,
} from "./libc_foreign.ts";
import { socketPair } from "./libc_socket.ts";

const libc = openLibc();
const FULL = 0xffff_ffff_ffff_fffen;

/** An eventfd whose reads and writes wait, as most programs make them. */
function waitingEventfd(): number {
  const fd = libc.symbols.eventfd(0, 0);
  ok(fd >= 0);
  return fd;
}

/** What an eventfd has counted. */
function taken(fd: number): bigint {
  const counter = nativeBuffer(8);
  strictEqual(libc.symbols.eventfd_read(fd, counter), 0);
  return new DataView(counter.buffer).getBigUint64(0, true);
}

Deno.test("a foreign eventfd is taken from without waiting", () => {
  const fd = waitingEventfd();
  strictEqual(clearForeign(libc, fd), -EAGAIN);
  libc.signal(fd);
  libc.signal(fd);
  strictEqual(clearForeign(libc, fd), 8);
  strictEqual(clearForeign(libc, fd), -EAGAIN);
  libc.close(fd);
});

Deno.test("the end of what can be read is told from nothing yet", () => {
  const pair = socketPair(libc);
  ok(typeof pair !== "number");
  strictEqual(clearForeign(libc, pair[0]), -EAGAIN);
  libc.signal(pair[1]);
  strictEqual(clearForeign(libc, pair[0]), 8);
  libc.close(pair[1]);
  strictEqual(clearForeign(libc, pair[0]), 0);
  libc.close(pair[0]);
});

Deno.test("a foreign eventfd is signalled where it has room, without waiting", () => {
  const fd = waitingEventfd();
  strictEqual(signalWithRoom(libc, fd), 0);
  strictEqual(signalWithRoom(libc, fd), 0);
  strictEqual(taken(fd), 2n);
  strictEqual(libc.symbols.eventfd_write(fd, FULL), 0);
  for (let i = 0; i < 300; i++) signalWithRoom(libc, fd);
  ok(taken(fd) >= FULL);
  libc.close(fd);
  ok(signalWithRoom(libc, fd) < 0);
});

Deno.test("descriptors of one open file are told from those of two", () => {
  const fd = waitingEventfd();
  const other = waitingEventfd();
  const copy = libc.duplicate(fd);
  ok(isSameFile(libc, fd, copy));
  ok(!isSameFile(libc, fd, other));
  ok(!isSameFile(libc, fd, -1));
  for (const one of [fd, other, copy]) libc.close(one);
});

Deno.test("a full foreign eventfd is left alone, so that nobody waits for it for ever", async () => {
  const fd = waitingEventfd();
  await signalForeign(libc, fd);
  strictEqual(taken(fd), 1n);
  strictEqual(libc.symbols.eventfd_write(fd, FULL), 0);
  await signalForeign(libc, fd);
  ok(taken(fd) >= FULL);
  libc.close(fd);
  await signalForeign(libc, fd);
});

Deno.test("a socket is signalled while it takes it, and never waited for", () => {
  const pair = socketPair(libc);
  ok(typeof pair !== "number");
  strictEqual(signalWithRoom(libc, pair[1]), 0);
  strictEqual(clearForeign(libc, pair[0]), 8);
  let sent = 0;
  while (signalWithRoom(libc, pair[1]) === 0) sent++;
  ok(sent > 100 && sent < 100_000, `${sent}`);
  for (const fd of pair) libc.close(fd);
});

Deno.test("an eventfd that somebody fills at any moment is never waited for", async () => {
  const fd = waitingEventfd();
  const progress = new SharedArrayBuffer(12);
  const counters = new Int32Array(progress);
  const url = new URL("../testing/eventfd_filler.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const stuck = new Promise<number>((resolve) =>
    worker.onmessage = ({ data }) => resolve(data)
  );
  worker.postMessage({ fd, progress });
  const end = performance.now() + 20_000;
  while (Atomics.load(counters, 2) < 200 && performance.now() < end) {
    signalWithRoom(libc, fd);
    Atomics.add(counters, 0, 1);
    if (counters[0]! % 7 === 0) clearForeign(libc, fd);
  }
  Atomics.store(counters, 1, 1);
  clearForeign(libc, fd);
  strictEqual(await stuck, 0);
  ok(counters[2]! >= 200, `${counters[2]}`);
  worker.terminate();
  libc.close(fd);
});

Deno.test("what a thread keeps for these calls can be given back, and they go on", () => {
  const fds = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const fd = waitingEventfd();
  endForeignCalls();
  const before = fds();
  for (let i = 0; i < 5; i++) {
    strictEqual(signalWithRoom(libc, fd), 0);
    endForeignCalls();
  }
  strictEqual(fds(), before);
  strictEqual(taken(fd), 5n);
  libc.close(fd);
});
