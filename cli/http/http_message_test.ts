import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
} from "node:assert/strict";
import {
  BadRequest,
  encodeResponse,
  MAXIMUM_BODY_BYTES,
  MAXIMUM_HEAD_BYTES,
  readRequest,
  textResponse,
} from "./http_message.ts";

/** A connection that brings `text` in pieces of `size` bytes. */
function sourceOf(text: string, size = 7) {
  let rest = new TextEncoder().encode(text);
  return {
    read(into: Uint8Array): Promise<number | null> {
      if (rest.length === 0) return Promise.resolve(null);
      const count = Math.min(size, into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
  };
}

Deno.test("a request is read from pieces of any size", async () => {
  const text = "POST /drain?x=1 HTTP/1.1\r\nHost: a\r\nX-Y:  b c \r\n" +
    "content-length: 5\r\n\r\nhello, and more";
  for (const size of [1, 2, 3, 60, 1000]) {
    const request = await readRequest(sourceOf(text, size));
    strictEqual(request!.method, "POST");
    strictEqual(request!.path, "/drain");
    deepStrictEqual([...request!.headers], [
      ...[["host", "a"], ["x-y", "b c"], ["content-length", "5"]],
    ]);
    strictEqual(new TextDecoder().decode(request!.body), "hello");
  }
});

Deno.test("a connection that ends before a request has none", async () => {
  strictEqual(await readRequest(sourceOf("")), undefined);
});

const long = (bytes: number) => "a".repeat(bytes);
const MISTAKES: readonly (readonly [string, string, number])[] = [
  ["no method", "/ HTTP/1.1\r\n\r\n", 400],
  ["no slash", "GET x HTTP/1.1\r\n\r\n", 400],
  ["another version", "GET / HTTP/2.0\r\n\r\n", 400],
  ["a space in the path", "GET /a b HTTP/1.1\r\n\r\n", 400],
  ["a control character in the path", "GET /\x01 HTTP/1.1\r\n\r\n", 400],
  ["a header without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400],
  ["a folded header", "GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", 400],
  ["a space before a colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
  ["a zero in a header", "GET / HTTP/1.1\r\nA: \0\r\n\r\n", 400],
  ["a line feed in a header", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400],
  ["no end", "GET / HTTP/1.1\r\n", 400],
  ["a TLS greeting", "\x16\x03\x01\x02\r\n\r\n", 400],
  ["a long path", `GET /${long(MAXIMUM_HEAD_BYTES)} HTTP/1.1\r\n\r\n`, 431],
  [
    "chunks",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    501,
  ],
  ["a length of words", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400],
  [
    "a long body",
    `POST / HTTP/1.1\r\nContent-Length: ${MAXIMUM_BODY_BYTES + 1}\r\n\r\n`,
    413,
  ],
  ["a short body", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", 400],
];

for (const [what, text, status] of MISTAKES) {
  Deno.test(`a request with ${what} is refused`, async () => {
    await rejects(
      readRequest(sourceOf(text, 1000)),
      (error) => error instanceof BadRequest && error.status === status,
    );
  });
}

Deno.test("an answer ends its connection, and HEAD gets no body", () => {
  const text = (method: string) =>
    new TextDecoder().decode(encodeResponse(textResponse(200, "ä"), method));
  match(text("GET"), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nä\n$/);
  match(text("GET"), /\r\nContent-Length: 3\r\n[\s\S]*Connection: close\r\n/);
  match(text("HEAD"), /Content-Length: 3\r\n[\s\S]*\r\n\r\n$/);
});
