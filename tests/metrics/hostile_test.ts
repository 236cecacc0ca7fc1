import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { CONNECTION_MS, MOST_CONNECTIONS } from "../../cli/http/http_server.ts";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { serveDevice } from "../../testing/command_process.ts";
import { ask, askRaw, connectTo } from "../../testing/http_client.ts";

/** A port that nobody has now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function descriptorsOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

Deno.test("whatever comes over HTTP, the guest's requests go on and nothing is left", async () => {
  const place = {
    transport: "tcp",
    ...{ hostname: "127.0.0.1", port: freePort() },
  } as const;
  const { hostname, port } = place;
  const own = `${hostname}:${port}`;
  await using device = await serveDevice(
    ...["--backend", "noble", "--http", own],
  );
  await using driver = await attach(device.socketPath);
  let isDone = false;
  let rounds = 0;
  const working = (async () => {
    for (; !isDone; rounds++) await encryptSomething(driver);
  })();
  try {
    const status = async (fields: Partial<Parameters<typeof ask>[1]>) =>
      (await ask(place, { target: "/status.json", ...fields })).status;
    strictEqual(await status({}), 200);
    const before = descriptorsOf(device.process.pid);

    // Rebinding, other sites, methods, paths, tokens.
    strictEqual(await status({ headers: { host: "evil.example" } }), 421);
    const origin = "http://evil.example";
    strictEqual(await status({ headers: { origin } }), 403);
    strictEqual(await status({ method: "DELETE" }), 405);
    strictEqual(await status({ method: "OPTIONS", headers: { origin } }), 403);
    const paths = [
      ...["/../../etc/passwd", "/%2e%2e/etc/passwd", "//status.json"],
      ...[
        "/page.js/../log.json",
        "/status.json/",
        "/__proto__",
        "/constructor",
      ],
    ];
    for (const target of paths) strictEqual(await status({ target }), 404);
    const authorization = "Bearer 0123456789abcdef";
    for (const target of ["/log.json", "/log-level", "/drain"]) {
      strictEqual(await status({ target, headers: { authorization } }), 403);
    }
    const allowed = (await ask(place, { target: "/status.json" })).head;
    ok(!/access-control/i.test(allowed), allowed);

    // Too long, cut short, two requests at once.
    const long = "a".repeat(200_000);
    strictEqual(
      (await askRaw(place, `GET /${long} HTTP/1.1\r\n\r\n`)).status,
      431,
    );
    const twice = await askRaw(
      place,
      `GET /healthz HTTP/1.1\r\nHost: ${own}\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n`,
    );
    deepStrictEqual([twice.status, twice.body], [200, "alive\n"]);

    // More connections than there is room for, all of them silent.
    const silent = await Promise.all(
      Array.from({ length: 4 * MOST_CONNECTIONS }, () => connectTo(place)),
    );
    const from = rounds;
    const bound = before + MOST_CONNECTIONS + 8;
    const since = performance.now();
    while (rounds < from + 3) {
      ok(
        performance.now() - since < 30_000,
        `the guest stands still at ${rounds}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const during = descriptorsOf(device.process.pid);
    ok(during <= bound, `${during} descriptors, ${before} before`);
    strictEqual(
      (await askRaw(place, "GET / HTTP/1.1\r\n\r\n").catch(() => ({
        status: 0,
      }))).status,
      0,
    );
    // Their time is up by then.
    const end = performance.now() + CONNECTION_MS + 30_000;
    while (await status({}).catch(() => 0) !== 200) {
      ok(performance.now() < end, "nobody is served any more");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    for (const connection of silent) connection.close();
    strictEqual(await status({}), 200);
  } finally {
    isDone = true;
    await working;
  }
});
