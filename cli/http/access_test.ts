import { strictEqual } from "node:assert/strict";
import { Access, type Need } from "./access.ts";
import { parseHttpAddress } from "./http_address.ts";
import { Token } from "./token.ts";

const SECRET = "0123456789abcdef";

/** The status that a request is refused with; 0: it is not. */
function statusOf(
  address: string,
  need: Need,
  headers: Record<string, string>,
  token = Token.of(SECRET),
): number {
  const access = new Access(parseHttpAddress(address)!, token);
  const request = {
    method: "GET",
    path: "/",
    headers: new Map(Object.entries(headers)),
    body: new Uint8Array(),
  };
  return access.refuse(request, need)?.status ?? 0;
}

const UNIX = "/run/http.sock";
const LOOPBACK = "127.0.0.1:9464";
const OTHER = "192.0.2.1:9464";
const bearer = { authorization: `Bearer ${SECRET}` };

Deno.test("who may open the Unix socket may look, and needs the token for more", () => {
  strictEqual(statusOf(UNIX, "look", {}), 0);
  strictEqual(statusOf(UNIX, "token", {}), 401);
  strictEqual(statusOf(UNIX, "token", bearer), 0);
});

Deno.test("loopback answers to its own names alone", () => {
  const look = (host: string, address = LOOPBACK) =>
    statusOf(address, "look", { host });
  for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
    strictEqual(look(`${host}:9464`), 0, host);
  }
  strictEqual(look("[::1]:80", "[::1]:80"), 0);
  strictEqual(look("[::1]", "[::1]:80"), 0);
  for (
    const host of [
      ...["evil.example:9464", "127.0.0.1", "127.0.0.1:9465", "", "localhost."],
      ...["localhost:9464.evil.example", "evil.example@localhost:9464"],
    ]
  ) strictEqual(look(host), 421, host);
  strictEqual(statusOf(LOOPBACK, "nothing", { host: "evil.example" }), 421);
  strictEqual(statusOf(LOOPBACK, "look", {}), 400);
});

Deno.test("a page of another site gets nothing, with the token or without", () => {
  const host = LOOPBACK;
  const origin = (origin: string) =>
    statusOf(LOOPBACK, "look", { host, origin });
  strictEqual(origin(`http://${LOOPBACK}`), 0);
  for (const one of ["http://evil.example", "null", `https://${LOOPBACK}`]) {
    strictEqual(origin(one), 403, one);
  }
  for (const site of ["cross-site", "same-site", "anything"]) {
    const headers = { host, "sec-fetch-site": site, ...bearer };
    strictEqual(statusOf(LOOPBACK, "token", headers), 403, site);
  }
  const own = { host, "sec-fetch-site": "same-origin" };
  strictEqual(statusOf(LOOPBACK, "look", own), 0);
});

Deno.test("any other address needs the token, but for the page itself", () => {
  const host = OTHER;
  strictEqual(statusOf(OTHER, "nothing", { host }), 0);
  strictEqual(statusOf(OTHER, "look", { host }), 401);
  strictEqual(statusOf(OTHER, "look", { host, ...bearer }), 0);
});

Deno.test("a token is the whole of it, in its header", () => {
  const given = (authorization: string) =>
    statusOf(UNIX, "token", { authorization });
  for (
    const wrong of [
      ...["", "Bearer", "Bearer ", `Basic ${SECRET}`, SECRET],
      ...[`Bearer ${SECRET}0`, `Bearer ${SECRET.slice(0, -1)}`],
      ...[`Bearer ${SECRET} ${SECRET}`, `Bearer ${SECRET.toUpperCase()}`],
    ]
  ) strictEqual(given(wrong), 401, wrong);
  strictEqual(given(`bearer ${SECRET}`), 0);
});

Deno.test("without a token nobody has it", () => {
  const access = new Access(parseHttpAddress(UNIX)!, undefined);
  const headers = new Map(Object.entries(bearer));
  const body = new Uint8Array();
  const request = { method: "POST", path: "/drain", headers, body };
  strictEqual(access.refuse(request, "token")?.status, 403);
});

Deno.test("a token is one line that nobody guesses", () => {
  for (const text of ["", "short", "a b".repeat(9), `${SECRET}\n\n`]) {
    strictEqual(Token.of(text), undefined, text);
  }
  strictEqual(Token.of(`${SECRET}\n`)?.is(SECRET), true);
  strictEqual(Token.of(`${SECRET}\r\n`)?.is(SECRET), true);
});

Deno.test("an address is a path, or a number of this machine with its port", () => {
  for (
    const text of [
      ...["", "9464", "localhost", "host.example:80", "127.0.0.1:0"],
      ...["127.0.0.1:65536", "::1:80", "[::1]", "[x]:1", "127.0.0.1:80 "],
      `/${"a".repeat(107)}`,
    ]
  ) strictEqual(parseHttpAddress(text), undefined, text);
  for (const text of ["0.0.0.0:80", "[::]:80", "10.1.2.3:9464"]) {
    const address = parseHttpAddress(text);
    strictEqual(address?.kind === "tcp" && address.isLoopback, false, text);
  }
});
