import assert from "node:assert/strict";
import { relative } from "node:path";
import { DeviceLostError, OperationError } from "../../mod.ts";
import {
  attach,
  encryptSomething,
  IV,
  KEY,
} from "../../testing/attached_driver.ts";
import {
  LONGEST_END_MS,
  runCommand,
  ServeProcess,
} from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { inSomeTry } from "../../testing/tries.ts";

const READY = /cryptodev mode[^#]+#/;
/** The noble backend is on every machine. */
const NOBLE = ["--backend", "noble"];

Deno.test("serve says where it listens and how QEMU attaches in both modes", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const asWritten = relative(Deno.cwd(), path);
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", asWritten, "--queues", "3", ...NOBLE],
  );
  const { log } = device;
  assert.match(log, /^\S+Z vhost-device-crypto: info: backend noble: @noble/m);
  assert.ok(log.includes(`info: listening at ${asWritten}\n`), log);
  const commands = log.matchAll(/^qemu-system-x86_64 [^#]+#/gm);
  const [generic, cryptodev, ...more] = [...commands].map(([text]) => text);
  assert.equal(more.length, 0);
  assert.match(generic!, /-device vhost-user-test-device-pci,virtio-id=20,/);
  assert.match(generic!, /num_vqs=4,/);
  assert.match(cryptodev!, /-object cryptodev-vhost-user,.*queues=3/);
  assert.match(cryptodev!, /-device virtio-crypto-pci,cryptodev=cryptodev0/);
  for (const command of [generic!, cryptodev!]) {
    assert.ok(command.includes(`-chardev socket,id=crypto0,path=${path} `));
    assert.match(command, /memory-backend-memfd,.*share=on/);
  }
});

Deno.test("serve warns of sessions that outlive a reset, and of nothing else", async () => {
  for (const policy of ["keep", "drop"]) {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/crypto.sock`;
    await using device = await ServeProcess.start(
      READY,
      ...["--socket-path", path, "--sessions-across-reset", policy, ...NOBLE],
    );
    const warns = /warn: sessions outlive a reset by their driver: the next/;
    assert.equal(warns.test(device.log), policy === "keep", device.log);
  }
});

Deno.test("serve shows what it does not offer, and does not offer it", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", path, "--without", "ring-packed,aead", ...NOBLE],
  );
  const line = "info: not offered: ring-packed, aead, and so aead-stateless\n";
  assert.ok(device.log.includes(line), device.log);
  await using driver = await attach(path);
  const session = driver.aead({
    algorithm: "gcm",
    key: KEY,
    direction: "encrypt",
  });
  await assert.rejects(session, /the device does not offer it/);
  assert.equal(driver.link.offeredFeatures & 1n << 34n, 0n);
  await encryptSomething(driver);
});

Deno.test("SIGUSR2 is answered by an idle device, too", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", path, ...NOBLE],
  );
  Deno.kill(device.pid, "SIGUSR2");
  await device.said("info: counted: nothing, no guest is here\n");
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends an idle device`, () =>
    inSomeTry(async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/crypto.sock`;
      await using device = await ServeProcess.start(
        READY,
        ...["--socket-path", path, ...NOBLE],
      );
      const { code, tookMs } = await device.end(signal);
      assert.equal(code, 0, device.log);
      assert.ok(tookMs < LONGEST_END_MS, `it took ${tookMs} ms`);
      assert.equal(await exists(path), false);
      assert.match(device.log, /info: ended\n$/);
    }));

  Deno.test(`${signal} ends a device with running rings`, () =>
    inSomeTry(async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/crypto.sock`;
      await using device = await ServeProcess.start(
        READY,
        ...["--socket-path", path, "--queues", "4", ...NOBLE],
      );
      await using driver = await attach(path);
      assert.equal(driver.dataQueueCount, 4);
      await encryptSomething(driver);
      await using hash = await driver.hash({ algorithm: "sha256" });
      const underWay = Array.from(
        { length: 64 },
        () => hash.digest(new Uint8Array(30_000)),
      );
      const outcomes = Promise.allSettled(underWay);
      const { code, tookMs } = await device.end(signal);
      assert.equal(code, 0, device.log);
      assert.ok(tookMs < LONGEST_END_MS, `it took ${tookMs} ms`);
      assert.equal(await exists(path), false);
      assert.match(device.log, /front-end gone: the device is shut down/);
      await outcomes;
      await assert.rejects(hash.digest(KEY), DeviceLostError);
    }));
}

Deno.test("a signal right after the socket appears leaves no socket", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    "listening at",
    ...["--socket-path", path, ...NOBLE],
  );
  const { code } = await device.end("SIGTERM");
  assert.equal(code, 0, device.log);
  assert.equal(await exists(path), false);
});

Deno.test("signals that follow the first do not cut the end short", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", path, "--queues", "8", ...NOBLE],
  );
  await using _driver = await attach(path);
  const impatience = setInterval(() => {
    try {
      Deno.kill(device.pid, "SIGTERM");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }, 1);
  const code = await device.exitCode();
  clearInterval(impatience);
  assert.equal(code, 0, device.log);
  assert.equal(await exists(path), false);
  assert.match(device.log, /info: ended\n$/);
});

Deno.test("a socket file that a killed device left is replaced", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const words = ["--socket-path", path, ...NOBLE];
  await using killed = await ServeProcess.start(READY, ...words);
  await killed.end("SIGKILL");
  assert.ok(await exists(path));
  await using device = await ServeProcess.start(READY, ...words);
  await using driver = await attach(path);
  await encryptSomething(driver);
  assert.match(device.log, /front-end connected/);
});

Deno.test("a socket that another device serves is refused and stays in use", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const words = ["--socket-path", path, ...NOBLE];
  await using _device = await ServeProcess.start(READY, ...words);
  const second = await runCommand("serve", "--log-level", "error", ...words);
  assert.equal(second.code, 2);
  assert.match(
    second.stderr,
    /^[^\n]+crypto\.sock": another process listens there \(--socket-path: [^\n]+\n$/,
  );
  await using driver = await attach(path);
  await encryptSomething(driver);
});

Deno.test("IPSEC without a backend that can have associations is refused", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const { code, stderr } = await runCommand(
    ...["serve", "--log-level", "error", "--socket-path", path, "--ipsec"],
    ...["--backend", "webcrypto"],
  );
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /^[^\n]*--ipsec: expected a backend [^\n]* names webcrypto\n$/,
  );
  assert.equal(await exists(path), false);
});

Deno.test("paths that are no socket are refused and stay as they were", async (t) => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/notes.txt`;
  await Deno.writeTextFile(file, "mine");
  const link = `${folder.path}/link`;
  await Deno.symlink(file, link);
  const cases = [
    ["an ordinary file", file],
    ["a directory", folder.path],
    ["a symbolic link", link],
    ["a path in no directory", `${folder.path}/none/crypto.sock`],
  ] as const;
  for (const [name, path] of cases) {
    await t.step(name, async () => {
      const other = `${folder.path}/other.sock`;
      const { code, stderr } = await runCommand(
        ...["serve", "--log-level", "error", ...NOBLE],
        ...["--socket-path", other, "--socket-path", path],
      );
      assert.equal(code, 2, stderr);
      assert.equal(stderr.split("\n").length, 2, stderr);
      assert.ok(stderr.includes(`"${path}"`), stderr);
      assert.match(stderr, /--socket-path: expected/);
      // Nothing was started, not even what could have been.
      assert.equal(await exists(other), false);
      assert.equal(await Deno.readTextFile(file), "mine");
    });
  }
});

Deno.test("sockets side by side have sessions of their own", async () => {
  await using folder = await temporaryFolder();
  const paths = ["a", "b", "c"].map((name) => `${folder.path}/${name}.sock`);
  await using device = await ServeProcess.start(
    `cryptodev`,
    ...paths.flatMap((path) => ["--socket-path", path]),
    ...["--max-sessions", "1", ...NOBLE],
  );
  for (const path of paths) await device.said(`${path}: listening at ${path}`);
  const drivers = await Promise.all(paths.map((path) => attach(path)));
  try {
    // One session is all that each guest may hold: a shared table would be full.
    const sessions = await Promise.all(
      drivers.map((driver) =>
        driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" })
      ),
    );
    const results = await Promise.all(
      sessions.map((session) => session.run(new Uint8Array(64), IV)),
    );
    assert.equal(new Set(results.map((bytes) => bytes.toHex())).size, 1);
    await assert.rejects(
      drivers[1]!.hash({ algorithm: "sha256" }),
      OperationError,
    );
    // The end of one guest is none of the others' business.
    await drivers[0]!.close();
    await device.said(`${paths[0]}: front-end gone`);
    await sessions[1]!.run(new Uint8Array(64), IV);
    await sessions[2]!.close();
    await encryptSomething(drivers[2]!);
  } finally {
    for (const driver of drivers) await driver.close();
  }
  const { code } = await device.end("SIGTERM");
  assert.equal(code, 0);
  for (const path of paths) assert.equal(await exists(path), false);
});

Deno.test("each socket has limits of its own", async () => {
  await using folder = await temporaryFolder();
  const [small, large] = [`${folder.path}/small`, `${folder.path}/large`];
  await using device = await ServeProcess.start(
    `listening at ${large}`,
    ...["--socket-path", small, "--socket-path", large, ...NOBLE],
    ...["--max-sessions", `1@${small}`, "--max-memory", `1048576@${small}`],
  );
  await assert.rejects(attach(small));
  await device.said(
    `warn: ${small}: SET_MEM_TABLE refused: memory of 4194304 bytes: ` +
      "expected at most 1048576",
  );
  await using one = await attach(small, 1048576);
  await using other = await attach(large);
  await using _session = await one.hash({ algorithm: "sha256" });
  await assert.rejects(one.hash({ algorithm: "sha256" }), OperationError);
  await using _first = await other.hash({ algorithm: "sha256" });
  await using _second = await other.hash({ algorithm: "sha256" });
});

Deno.test("a guest above its rate waits, and the counters say for how long", async () => {
  await using folder = await temporaryFolder();
  const [slow, free] = [`${folder.path}/slow`, `${folder.path}/free`];
  await using device = await ServeProcess.start(
    `listening at ${free}`,
    ...["--socket-path", slow, "--socket-path", free, ...NOBLE],
    ...["--throttle-ops", `20@${slow}`, "--throttle-ops-burst", `1@${slow}`],
  );
  const secondsOf = async (path: string) => {
    const driver = await attach(path);
    await using hash = await driver.hash({ algorithm: "sha256" });
    const start = performance.now();
    await Promise.all(Array.from({ length: 21 }, () => hash.digest(KEY)));
    Deno.kill(device.pid, "SIGUSR2");
    return { driver, seconds: (performance.now() - start) / 1000 };
  };
  const limited = await secondsOf(slow);
  assert.ok(limited.seconds > 0.9, `${limited.seconds} s`);
  await device.said(/slow: counted: queue 0 [^\n]*; waited \d+\.\d s for/);
  const unlimited = await secondsOf(free);
  await device.said(/free: counted: queue 0 [^\n]* another backend\n/);
  await limited.driver.close();
  await unlimited.driver.close();
});

Deno.test("one pattern makes a socket for each of many guests", async () => {
  await using folder = await temporaryFolder();
  const path = (index: number) => `${folder.path}/${index}.sock`;
  await using device = await ServeProcess.start(
    `listening at ${path(99)}`,
    ...["--socket-path", `${folder.path}/%i.sock`, "--guests", "100", ...NOBLE],
  );
  assert.equal(device.log.match(/listening at/g)!.length, 100);
  assert.equal(device.log.match(/info: [^ ]+: backend noble/g)!.length, 1);
  assert.equal(device.log.match(/^qemu-system/gm)!.length, 2);
  await using first = await attach(path(0));
  await using last = await attach(path(99));
  await encryptSomething(last);
  await encryptSomething(first);
  await device.said(`${path(99)}: front-end connected`);
  const { code } = await device.end("SIGTERM");
  assert.equal(code, 0);
  for (const index of [0, 50, 99]) {
    assert.equal(await exists(path(index)), false);
  }
});

Deno.test("one front-end after another uses the same socket", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", path, ...NOBLE],
  );
  for (let count = 1; count <= 3; count++) {
    const driver = await attach(path);
    await encryptSomething(driver);
    await driver.close();
    await device.said("front-end gone", count);
  }
  const events = device.log.match(/front-end (connected|gone)/g);
  assert.deepEqual(
    events,
    Array(3).fill(["front-end connected", "front-end gone"]).flat(),
  );
});

Deno.test("SIGUSR2 logs the counters and opens no debugger", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    READY,
    ...["--socket-path", path, ...NOBLE],
  );
  await using driver = await attach(path);
  await encryptSomething(driver);
  Deno.kill(device.pid, "SIGUSR2");
  await device.said(/counted: queue 0 answered 1 request of \d+ bytes/);
  await device.said("counted: 1 session on noble");
  assert.doesNotMatch(device.log, /Debugger/);
});

Deno.test("the log level takes lines away", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/crypto.sock`;
  const words = ["--socket-path", path, ...NOBLE, "--log-level", "warn"];
  await using device = await ServeProcess.start(/^/, ...words);
  while (!await exists(path)) await new Promise((r) => setTimeout(r, 20));
  await using driver = await attach(path);
  await encryptSomething(driver);
  const { code } = await device.end("SIGINT");
  assert.equal(code, 0);
  assert.equal(device.log, "");
});
