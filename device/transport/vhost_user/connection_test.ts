import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { EAGAIN, nativeBuffer, openLibc } from "../../../ffi/libc.ts";
import { SocketMessages, socketPair } from "../../../ffi/libc_socket.ts";
import { openDescriptors } from "../../../testing/vhost_user_server.ts";
import { words } from "../../../testing/scripted_front_end.ts";
import { Connection } from "./connection.ts";
import type { Message } from "./messages.ts";

const libc = openLibc();
const SET_FEATURES = 2;
const GET_FEATURES = 1;

/** A connection with the test on the other side. */
class Pair implements Disposable {
  readonly connection: Connection;
  other: number;
  readonly messages = new SocketMessages(libc);

  constructor() {
    const pair = socketPair(libc);
    ok(typeof pair === "object");
    this.other = pair[0];
    this.connection = new Connection(libc, pair[1]);
  }

  send(bytes: ArrayLike<number>, fds: readonly number[] = []): void {
    const native = nativeBuffer(bytes.length);
    native.set(bytes);
    strictEqual(this.messages.send(this.other, native, fds), bytes.length);
  }

  receive(): Message {
    const message = this.connection.receive();
    ok(message && !("ended" in message), JSON.stringify(message));
    return message;
  }

  ended(): string {
    const message = this.connection.receive();
    ok(message && "ended" in message, JSON.stringify(message));
    return message.ended;
  }

  hangUp(): void {
    if (this.other >= 0) libc.close(this.other);
    this.other = -1;
  }

  [Symbol.dispose](): void {
    this.connection.close();
    this.hangUp();
  }
}

const setFeatures = [...words(SET_FEATURES, 1, 8), 1, 2, 3, 4, 5, 6, 7, 8];

Deno.test("a message that arrives byte by byte is one message", () => {
  using pair = new Pair();
  for (const byte of setFeatures.slice(0, -1)) {
    pair.send([byte]);
    strictEqual(pair.connection.receive(), undefined);
  }
  pair.send(setFeatures.slice(-1));
  const message = pair.receive();
  strictEqual(message.request, SET_FEATURES);
  deepStrictEqual([...message.payload], [1, 2, 3, 4, 5, 6, 7, 8]);
  strictEqual(pair.connection.receive(), undefined);
});

Deno.test("messages that arrive together keep their own descriptors", () => {
  const before = openDescriptors();
  {
    using pair = new Pair();
    const event = libc.eventfd();
    pair.send([...setFeatures, ...words(GET_FEATURES, 1, 0)], [event]);
    pair.send(setFeatures, [event, event]);
    const first = pair.receive();
    strictEqual(first.fds.length, 1);
    strictEqual(libc.signal(first.fds[0]!), 0);
    strictEqual(libc.clear(event), 0);
    const second = pair.receive();
    strictEqual(second.request, GET_FEATURES);
    strictEqual(second.fds.length, 0);
    const third = pair.receive();
    strictEqual(third.fds.length, 2);
    for (const fd of [event, ...first.fds, ...third.fds]) libc.close(fd);
  }
  strictEqual(openDescriptors(), before);
});

Deno.test("a header that cannot be is the end of the connection", () => {
  const cases: [number[], RegExp][] = [
    [[SET_FEATURES, 2, 8], /version 2/],
    [[SET_FEATURES, 0, 8], /version 0/],
    [[SET_FEATURES, 5, 8], /marked as a reply/],
    [[SET_FEATURES, 1, 9], /9 bytes, expected 8/],
    [[SET_FEATURES, 1, 0], /0 bytes, expected 8/],
    [[6, 1, 4097], /4097 bytes/],
    [[6, 1, 0xffff_ffff], /4294967295 bytes/],
    [[0, 1, 0], /unknown request 0/],
    [[45, 1, 0], /unknown request 45/],
    [[0xffff_ffff, 1, 0], /unknown request 4294967295/],
  ];
  for (const [header, expected] of cases) {
    using pair = new Pair();
    pair.send(words(...header));
    ok(expected.test(pair.ended()), `${header}`);
  }
});

Deno.test("the end of the stream is told from the middle of a message", () => {
  using pair = new Pair();
  strictEqual(pair.connection.receive(), undefined);
  pair.send(setFeatures.slice(0, 15));
  strictEqual(pair.connection.receive(), undefined);
  pair.hangUp();
  strictEqual(pair.ended(), "disconnected in the middle of a message");
});

Deno.test("the end of the stream between messages is a plain disconnect", () => {
  using pair = new Pair();
  pair.send(setFeatures);
  pair.hangUp();
  strictEqual(pair.receive().request, SET_FEATURES);
  strictEqual(pair.ended(), "disconnected");
});

Deno.test("descriptors of an unfinished or overfull message are closed", () => {
  const before = openDescriptors();
  const event = libc.eventfd();
  {
    using pair = new Pair();
    pair.send(setFeatures.slice(0, 5), [event, event, event]);
    strictEqual(pair.connection.receive(), undefined);
  }
  {
    using pair = new Pair();
    pair.send(setFeatures, Array.from({ length: 33 }, () => event));
    strictEqual(pair.ended(), "a message with too many descriptors");
  }
  libc.close(event);
  strictEqual(openDescriptors(), before);
});

const sendReply = (
  { connection }: { readonly connection: Connection },
  payload: Uint8Array,
) => connection.send(connection.formReply(GET_FEATURES, payload));

Deno.test("a reply has the reply flag and the request's number", () => {
  using pair = new Pair();
  strictEqual(
    sendReply(pair, Uint8Array.of(9, 8)),
    undefined,
  );
  const bytes = nativeBuffer(64);
  strictEqual(pair.messages.receive(pair.other, bytes, []), 14);
  deepStrictEqual(
    [...bytes.subarray(0, 14)],
    [...words(GET_FEATURES, 5, 2), 9, 8],
  );
});

Deno.test("a front-end that does not read its replies holds nothing up", () => {
  using pair = new Pair();
  const payload = new Uint8Array(1072);
  let problem: string | undefined;
  for (let i = 0; i < 10_000 && problem === undefined; i++) {
    problem = sendReply(pair, payload);
  }
  strictEqual(problem, "the front-end does not read replies");
  strictEqual(
    pair.messages.receive(pair.connection.fd, nativeBuffer(1), []),
    -EAGAIN,
  );
});
