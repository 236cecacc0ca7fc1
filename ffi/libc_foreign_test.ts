import { ok, strictEqual } from "node:assert/strict";
import { EAGAIN, nativeBuffer, openLibc } from "./libc.ts";
import {
  clearForeign,
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
  strictEqual(signalWithRoom(libc, fd), -EAGAIN);
  strictEqual(taken(fd), FULL);
  libc.close(fd);
  ok(signalWithRoom(libc, fd) < 0);
});

Deno.test("descriptors of one open file are told from those of two", () => {
  const fd = waitingEventfd();
  const other = waitingEventfd();
  const copy = libc.symbols.fcntl(fd, 1030, 0);
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
  strictEqual(taken(fd), FULL);
  libc.close(fd);
  await signalForeign(libc, fd);
});
