import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  EAGAIN,
  type Libc,
  nativeBuffer,
  openLibc,
  POLLFD_BYTES,
  POLLIN,
  regionAt,
} from "./libc.ts";
import { Epoll } from "./libc_epoll.ts";
import {
  acceptConnection,
  connectUnix,
  prepareListener,
  publishListener,
  socketKind,
  SocketMessages,
  socketPair,
  unreadyPath,
} from "./libc_socket.ts";
import { temporaryFolder } from "../testing/files.ts";
import { listenUnix } from "../testing/listening_socket.ts";

const libc = openLibc();

const openDescriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("two mappings of one file share their bytes", () => {
  const fd = libc.memfdCreate("test", 3 * 4096);
  strictEqual(libc.fileSize(fd), 3 * 4096);
  const whole = libc.map(fd, 0, 3 * 4096);
  const part = libc.map(fd, 4096 + 100, 200);
  ok(typeof whole === "object" && typeof part === "object");
  const wholeRegion = regionAt(whole.address, whole.lengthBytes);
  const partRegion = regionAt(part.address, part.lengthBytes);
  strictEqual(partRegion.lengthBytes, 200);
  partRegion.bytes.fill(7);
  strictEqual(wholeRegion.bytes[4096 + 99], 0);
  strictEqual(wholeRegion.bytes[4096 + 100], 7);
  strictEqual(wholeRegion.bytes[4096 + 299], 7);
  strictEqual(libc.unmap(whole), 0);
  strictEqual(libc.unmap(part), 0);
  strictEqual(libc.close(fd), 0);
});

Deno.test("refusals are negative error numbers with a text", () => {
  const EBADF = 9;
  strictEqual(libc.close(-1), -EBADF);
  strictEqual(libc.fileSize(-1), -EBADF);
  strictEqual(libc.map(-1, 0, 4096), -EBADF);
  strictEqual(libc.describe(-EBADF), "Bad file descriptor");
});

Deno.test("an eventfd counts, is polled and is cleared", () => {
  const fd = libc.eventfd();
  const fds = nativeBuffer(POLLFD_BYTES);
  const view = new DataView(fds.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  strictEqual(libc.clear(fd), -EAGAIN);
  strictEqual(libc.poll(fds, 1, 0), 0);
  strictEqual(libc.signal(fd), 0);
  strictEqual(libc.poll(fds, 1, 0), 1);
  strictEqual(view.getInt16(6, true), POLLIN);
  strictEqual(libc.clear(fd), 0);
  strictEqual(libc.clear(fd), -EAGAIN);
  libc.close(fd);
});

Deno.test("descriptors travel with the bytes they were sent with", () => {
  const before = openDescriptors();
  const pair = socketPair(libc);
  ok(typeof pair === "object");
  const [left, right] = pair;
  const messages = new SocketMessages(libc);
  const sent = [0, 1, 2, 3, 4].map(() => libc.eventfd());
  const bytes = nativeBuffer(4);
  bytes.set([1, 2, 3, 4]);
  strictEqual(messages.send(left, bytes, sent), 4);
  strictEqual(messages.send(left, bytes), 4);

  const received: number[] = [];
  const into = nativeBuffer(3);
  strictEqual(messages.receive(right, into, received), 3);
  strictEqual(received.length, 5);
  deepStrictEqual([...into], [1, 2, 3]);
  strictEqual(libc.signal(received[3]!), 0);
  strictEqual(libc.clear(sent[3]!), 0);
  strictEqual(libc.clear(sent[2]!), -EAGAIN);
  const later: number[] = [];
  strictEqual(messages.receive(right, nativeBuffer(64), later), 5);
  deepStrictEqual(later, []);
  strictEqual(messages.receive(right, into, later), -EAGAIN);
  libc.close(left);
  strictEqual(messages.receive(right, into, later), 0);
  for (const fd of [right, ...sent, ...received]) libc.close(fd);
  strictEqual(openDescriptors(), before);
});

Deno.test("a message brings as many descriptors as the kernel allows", () => {
  const pair = socketPair(libc);
  ok(typeof pair === "object");
  const messages = new SocketMessages(libc);
  const event = libc.eventfd();
  const many = Array.from({ length: 253 }, () => event);
  const received: number[] = [];
  strictEqual(messages.send(pair[0], nativeBuffer(1), many), 1);
  strictEqual(messages.receive(pair[1], nativeBuffer(1), received), 1);
  strictEqual(received.length, 253);
  strictEqual(messages.truncated, false);
  for (const fd of [...pair, event, ...received]) libc.close(fd);
});

Deno.test("a listening socket is told from a connected one", async () => {
  const path = await Deno.makeTempDir() + "/socket";
  const listener = listenUnix(libc, path);
  strictEqual(acceptConnection(libc, listener), -EAGAIN);
  const client = connectUnix(libc, path);
  const server = acceptConnection(libc, listener);
  ok(listener >= 0 && client >= 0 && server >= 0);
  strictEqual(socketKind(libc, listener), "listening");
  strictEqual(socketKind(libc, server), "connected");
  strictEqual(socketKind(libc, client), "connected");
  strictEqual(socketKind(libc, -1), "none");
  ok(listenUnix(libc, "/" + "x".repeat(200)) < 0);
  for (const fd of [listener, client, server]) libc.close(fd);
  strictEqual(libc.unlink(path), 0);
});

Deno.test("sockets that are no stream of a Unix domain are told from those", () => {
  const [AF_UNIX, AF_INET, STREAM, DATAGRAM, SEQUENCE] = [1, 2, 1, 2, 5];
  const kindOf = (domain: number, type: number) => {
    const fd = libc.symbols.socket(domain, type, 0);
    ok(fd >= 0);
    const kind = socketKind(libc, fd);
    libc.close(fd);
    return kind;
  };
  strictEqual(kindOf(AF_UNIX, STREAM), "unconnected");
  strictEqual(kindOf(AF_UNIX, DATAGRAM), "other");
  strictEqual(kindOf(AF_UNIX, SEQUENCE), "other");
  strictEqual(kindOf(AF_INET, STREAM), "other");
  strictEqual(kindOf(AF_INET, DATAGRAM), "other");
});

for (const mode of [undefined, 0o660]) {
  Deno.test(`a prepared socket cannot be reached before it is published, nor before its mode is ${mode?.toString(8) ?? "the usual one"}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    const modeOf = (path: string) => Deno.lstatSync(path).mode! & 0o777;
    const steps: string[] = [];
    const noting = <Words extends unknown[]>(
      name: string,
      call: (...words: Words) => number,
    ) =>
    (...words: Words) => {
      const result = call(...words);
      steps.push(`${name} ${modeOf(unreadyPath(path)).toString(8)}`);
      return result;
    };
    const { bind, listen } = libc.symbols;
    const symbols = {
      ...libc.symbols,
      bind: noting("bind", bind),
      listen: noting("listen", listen),
    };
    const watched: Libc = Object.create(libc, { symbols: { value: symbols } });
    const before = Deno.umask(0);
    const prepared = prepareListener(watched, path, {
      mode,
      groupId: undefined,
    });
    strictEqual(Deno.umask(before), 0);
    const wanted = mode ?? 0o777;
    deepStrictEqual(steps, ["bind 600", `listen ${wanted.toString(8)}`]);
    ok("fd" in prepared);
    ok(connectUnix(libc, path) < 0);
    strictEqual(publishListener(libc, path), 0);
    strictEqual(modeOf(path), wanted);
    const client = connectUnix(libc, path);
    ok(client >= 0);
    strictEqual([...Deno.readDirSync(folder.path)].length, 1);
    for (const fd of [prepared.fd, client]) libc.close(fd);
  });
}

Deno.test("epoll reports a descriptor once until it is armed again", async () => {
  const epoll = Epoll.open(libc);
  ok(typeof epoll === "object");
  const first = libc.eventfd();
  const second = libc.eventfd();
  strictEqual(epoll.add(first), 0);
  strictEqual(epoll.add(second), 0);
  const waiting = epoll.wait();
  libc.signal(first);
  deepStrictEqual(await waiting, [first]);
  libc.signal(second);
  deepStrictEqual(await epoll.wait(), [second]);
  epoll.arm(first);
  deepStrictEqual(await epoll.wait(), [first]);
  strictEqual(epoll.remove(first), 0);
  epoll.close();
  libc.close(first);
  libc.close(second);
});
