import assert from "node:assert/strict";
import { connectVhostUser, Driver } from "../../mod.ts";
import { type Libc, openLibc } from "../../ffi/libc.ts";
import { acceptConnection, connectUnix } from "../../ffi/libc_socket.ts";
import {
  LONGEST_END_MS,
  runCommand,
  ServeProcess,
} from "../../testing/command_process.ts";
import { exists, temporaryFolder } from "../../testing/files.ts";
import { inSomeTry } from "../../testing/tries.ts";
import { listenUnix } from "../../testing/listening_socket.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const MEMORY_BYTES = 4 * 1024 * 1024;
const NOBLE = ["--backend", "noble"];

/** A socket that processes started while it is `lend`ed inherit. */
class LentSocket implements Disposable {
  constructor(readonly libc: Libc, readonly fd: number) {
    assert.ok(fd >= 0, libc.describe(fd));
  }

  /** Starts `serve --fd`; the child has the socket under the same number. */
  async serve(line: string, ...words: string[]): Promise<ServeProcess> {
    this.inherited(true);
    const fd = ["--fd", `${this.fd}`];
    try {
      return await ServeProcess.start(line, ...fd, ...words, ...NOBLE);
    } finally {
      this.inherited(false);
    }
  }

  inherited(yes: boolean): void {
    const flags = yes ? 0 : FD_CLOEXEC;
    assert.equal(this.libc.symbols.fcntl(this.fd, F_SETFD, flags), 0);
  }

  [Symbol.dispose](): void {
    this.libc.close(this.fd);
  }
}

async function hashSomething(socketPath: string): Promise<void> {
  const link = await connectVhostUser(socketPath, {
    memoryBytes: MEMORY_BYTES,
  });
  await using driver = await Driver.start(link);
  await using hash = await driver.hash({ algorithm: "sha256" });
  const digest = await hash.digest(new TextEncoder().encode("abc"));
  // FIPS 180-4's example of SHA-256.
  assert.match(digest.toHex(), /^ba7816bf8f01cfea.*f20015ad$/);
}

Deno.test("a listening socket serves one front-end after another", () =>
  inSomeTry(async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/s`;
    const libc = openLibc();
    using socket = new LentSocket(libc, listenUnix(libc, path));
    await using device = await socket.serve(
      `info: listening at descriptor ${socket.fd}\n`,
    );
    await hashSomething(path);
    await hashSomething(path);
    await device.said("front-end gone", 2);
    const { code, tookMs } = await device.end("SIGTERM");
    assert.equal(code, 0, device.log);
    assert.ok(tookMs < LONGEST_END_MS, `it took ${tookMs} ms`);
    // The file belongs to whoever made the socket.
    assert.equal(await exists(path), true);
  }));

// What systemd does: descriptors from 3 on, and whose they are, in the environment.
for (const apart of [[], ["--isolate"]]) {
  Deno.test(
    `sockets that systemd hands over are served, each with its name${
      apart.map((word) => `, ${word}`)
    }`,
    async () => {
      await using folder = await temporaryFolder();
      const libc = openLibc();
      const paths = ["a", "b"].map((name) => `${folder.path}/${name}`);
      using first = new LentSocket(libc, listenUnix(libc, paths[0]!));
      using second = new LentSocket(libc, listenUnix(libc, paths[1]!));
      first.inherited(true);
      second.inherited(true);
      const child = new Deno.Command("bash", {
        args: [
          "-c",
          `exec 3<&${first.fd} 4<&${second.fd}; LISTEN_PID=$$ exec "$@"`,
          "bash",
          ...[Deno.execPath(), "run", "-A", "cli/main.ts", "serve"],
          ...[
            "--fd",
            "systemd",
            "--max-sessions",
            "1@beta",
            ...NOBLE,
            ...apart,
          ],
        ],
        env: { LISTEN_FDS: "2", LISTEN_FDNAMES: "alpha:beta", NO_COLOR: "1" },
        stderr: "piped",
        stdout: "null",
      }).spawn();
      for (const path of paths) await hashSomething(path);
      const link = await connectVhostUser(paths[1]!, {
        memoryBytes: MEMORY_BYTES,
      });
      const driver = await Driver.start(link);
      await using _session = await driver.hash({ algorithm: "md5" });
      await assert.rejects(driver.hash({ algorithm: "md5" }));
      await driver.close();
      child.kill("SIGTERM");
      const { code, stderr } = await child.output();
      const log = new TextDecoder().decode(stderr);
      assert.equal(code, 0, log);
      assert.match(log, /info: alpha: listening at descriptor 3$/m);
      assert.match(log, /info: beta: listening at descriptor 4$/m);
    },
  );
}

Deno.test("a connected socket is served until its end, which is the device's", async () => {
  await using folder = await temporaryFolder();
  const libc = openLibc();
  const meeting = `${folder.path}/meeting`;
  using listener = new LentSocket(libc, listenUnix(libc, meeting));
  // The driver connects; what was accepted goes to the device.
  const linked = connectVhostUser(meeting, { memoryBytes: MEMORY_BYTES });
  const socket = new LentSocket(libc, acceptConnection(libc, listener.fd));
  await using device = await socket.serve("front-end connected");
  socket[Symbol.dispose]();
  const driver = await Driver.start(await linked);
  await using hash = await driver.hash({ algorithm: "md5" });
  const digest = await hash.digest(new Uint8Array(0));
  assert.equal(digest.toHex(), "d41d8cd98f00b204e9800998ecf8427e");
  await hash.close();
  await driver.close();
  assert.equal(await device.exitCode(), 0, device.log);
  assert.match(device.log, /front-end gone[^\n]*\n[^\n]*info: ended\n$/);
});

Deno.test("SIGTERM ends a device with a connected socket", () =>
  inSomeTry(async () => {
    await using folder = await temporaryFolder();
    const libc = openLibc();
    const path = `${folder.path}/s`;
    using _listener = new LentSocket(libc, listenUnix(libc, path));
    using socket = new LentSocket(libc, connectUnix(libc, path));
    await using device = await socket.serve("front-end connected");
    const { code, tookMs } = await device.end("SIGTERM");
    assert.equal(code, 0, device.log);
    assert.ok(tookMs < LONGEST_END_MS, `it took ${tookMs} ms`);
    assert.match(device.log, /front-end gone: the device is shut down/);
  }));

Deno.test("a descriptor that is no socket is refused", async (t) => {
  const cases = [["1", "a pipe"], ["1000", "not open"]] as const;
  for (const [fd, name] of cases) {
    await t.step(`${fd}, ${name}`, async () => {
      const words = ["--fd", fd, ...NOBLE];
      const { code, stderr } = await runCommand("serve", ...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /--fd/);
      assert.ok(stderr.includes(fd), stderr);
    });
  }
});
