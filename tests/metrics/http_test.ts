import assert from "node:assert/strict";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { runCommand, ServeProcess } from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { type Answer, ask } from "../../testing/http_client.ts";

const SECRET = "0123456789abcdef";
const BACKENDS = ["--backend", "noble,webcrypto", "--log-level", "debug"];

/** Asks at a Unix socket. */
const askAt = (path: string) =>
(
  target: string,
  fields: Partial<Parameters<typeof ask>[1]> = {},
): Promise<Answer> => ask({ transport: "unix", path }, { target, ...fields });

Deno.test("a device tells over HTTP what its guests have had, and takes changes", async () => {
  await using folder = await temporaryFolder();
  const [socket, http, token] = ["crypto.sock", "http.sock", "token"]
    .map((name) => `${folder.path}/${name}`) as [string, string, string];
  await Deno.writeTextFile(token, `${SECRET}\n`);
  await using device = await ServeProcess.start(
    "cryptodev mode",
    ...["--socket-path", socket, ...BACKENDS],
    ...["--http", http, "--http-token-file", token],
  );
  const ask = askAt(http);
  assert.equal((await Deno.stat(http)).mode! & 0o777, 0o600);
  assert.equal((await ask("/healthz")).status, 200);
  assert.equal((await ask("/readyz")).body, "ready\n");
  assert.equal((await ask("/../etc/passwd")).status, 404);
  const before = JSON.parse((await ask("/status.json")).body);
  assert.deepEqual(before.guests[0].queues, []);
  assert.doesNotMatch((await ask("/metrics")).body, /guest=/);

  const change = (target: string, fields: unknown, secret = SECRET) =>
    ask(target, {
      method: "POST",
      headers: {
        "authorization": `Bearer ${secret}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(fields),
    });
  {
    await using driver = await attach(socket);
    for (let i = 0; i < 20; i++) await encryptSomething(driver);
    const drained = await change("/drain", { backend: "noble", drained: true });
    assert.equal(drained.body, "backend noble gets no new sessions\n");
    const hash = await driver.hash({ algorithm: "sha256" });
    await hash.digest(new Uint8Array(3));
    const limits = { guest: socket, requestsPerSecond: 20 };
    assert.equal((await change("/throttle", limits)).status, 200);
    for (let i = 0; i < 8; i++) await hash.digest(new Uint8Array(3));
    await device.said("requests wait: the guest sends more than its limits");
    const free = { guest: socket, requestsPerSecond: null };
    assert.equal((await change("/throttle", free)).status, 200);
    // Of both in one burst, each is counted as what it is.
    await using other = await driver.hash({ algorithm: "sha512" });
    await Promise.all(
      Array.from(
        { length: 48 },
        (_, i) => (i % 3 === 0 ? other : hash).digest(new Uint8Array(3)),
      ),
    );
    await hash.close();
  }
  await device.said("front-end gone");
  // A status is the same for a quarter of a second.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { guests: [guest], threads } = JSON.parse(
    (await ask("/status.json")).body,
  );
  assert.equal(guest.isConnected, false);
  assert.equal(guest.connections, 1);
  const sessions = { open: 0, created: 22, closed: 22, refused: {} };
  assert.deepEqual(guest.sessions, sessions);
  const [queue] = guest.queues;
  assert.deepEqual([queue.queue, queue.requests], [0, 77]);
  assert.ok(queue.waitedSeconds > 0);
  assert.deepEqual(
    guest.work.map(({ backend, service, algorithm, requests }: {
      [name: string]: unknown;
    }) => [backend, service, algorithm, requests]),
    [
      ["noble", "cipher", "aes-cbc", 20],
      ["webcrypto", "hash", "sha256", 41],
      ["webcrypto", "hash", "sha512", 16],
    ],
  );
  assert.equal(guest.placements[1].reason, "noble is drained");
  assert.ok(threads.some(({ sleeps }: { sleeps: number }) => sleeps > 0));
  const metrics = (await ask("/metrics")).body;
  assert.match(metrics, /_requests_total\{[^}]*"aes-cbc"\} 20\n/);

  assert.equal((await change("/drain", {}, "wrong")).status, 401);
  assert.equal((await change("/drain", { backend: "x" })).status, 400);
  assert.equal((await change("/log-level", { level: "error" })).status, 400);
  assert.equal((await change("/log-level", { level: "warn" })).status, 200);
  await device.said("changed over HTTP: log level is warn, and was debug");
  assert.equal((await ask("/log.json")).status, 401);
  const log = await ask("/log.json", {
    headers: { authorization: `Bearer ${SECRET}` },
  });
  assert.match(log.body, /changed over HTTP: backend noble gets no new/);
  assert.equal((await device.end("SIGTERM")).code, 0);
  assert.equal(await exists(http), false);
});

Deno.test("an address that cannot be had is one line, and nothing starts", async () => {
  await using folder = await temporaryFolder();
  const socket = `${folder.path}/crypto.sock`;
  const start = (...words: string[]) =>
    runCommand(
      "serve",
      "--socket-path",
      socket,
      "--backend",
      "noble",
      ...words,
    );
  const token = `${folder.path}/token`;
  await Deno.writeTextFile(token, "short\n");
  const http = `${folder.path}/h.sock`;
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["--http", `${folder.path}/none/h.sock`], /--http .*No such file/],
    [["--http", http, "--http-token-file", "/none"], /-file "\/none".* read/],
    [["--http", http, "--http-token-file", token], /at least 16 characters/],
  ];
  for (const [words, expected] of cases) {
    const { code, stderr } = await start(...words);
    assert.equal(code, 2);
    assert.match(stderr.trimEnd().split("\n").at(-1)!, expected);
    assert.equal(await exists(socket), false);
  }
});

Deno.test("status shows in a terminal what the page shows, and its mistakes are one line", async () => {
  await using folder = await temporaryFolder();
  const [socket, http] = [`${folder.path}/a.sock`, `${folder.path}/h.sock`];
  await using _device = await ServeProcess.start(
    "cryptodev mode",
    ...["--socket-path", socket, ...BACKENDS, "--http", http],
  );
  {
    await using driver = await attach(socket);
    await encryptSomething(driver);
    const { code, stdout } = await runCommand("status", http);
    assert.equal(code, 0);
    assert.match(stdout, /^ready, up 0 min, .*\n\nbackend +requests +state\n/);
    assert.match(stdout, /\nnoble +1 +works\n/);
    assert.match(stdout, /a\.sock +connected +\S+ +\S+ +0 +0 +0\n$/);
  }
  const cases: readonly (readonly [number, string[], RegExp])[] = [
    [
      2,
      [],
      /^vhost-device-crypto: Cannot use argument "": expected the address/,
    ],
    [2, [http, "x"], /Cannot use argument "x": expected the address/],
    [1, [`${http}x`], /Cannot read the status at .*: No such file/],
  ];
  for (const [expectedCode, words, expected] of cases) {
    const { code, stderr } = await runCommand("status", ...words);
    assert.equal(code, expectedCode);
    assert.match(stderr, expected);
    assert.match(stderr, /^[^\n]+\n$/);
  }
});
