import assert from "node:assert/strict";
import { basename, isAbsolute } from "node:path";
import { exists, temporaryFolder } from "../../testing/files.ts";

const CONTRIB = new URL("../../contrib/", import.meta.url).pathname;
const WRAPPER = `${CONTRIB}vhost-device-crypto`;

/** A folder for PATH with what the wrapper itself needs, and `programs`. */
async function pathFolder(
  folder: string,
  programs: Readonly<Record<string, string>>,
): Promise<string> {
  const path = await Deno.makeTempDir({ dir: folder });
  for (const tool of ["sh", "dirname", "readlink"]) {
    for (const bin of ["/usr/bin", "/bin"]) {
      if (await exists(`${path}/${tool}`)) continue;
      if (!await exists(`${bin}/${tool}`)) continue;
      await Deno.symlink(`${bin}/${tool}`, `${path}/${tool}`);
    }
  }
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${path}/${name}`, `#!/bin/sh\n${script}\n`);
    await Deno.chmod(`${path}/${name}`, 0o755);
  }
  return path;
}

async function run(program: string, path: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: "/",
    env: { PATH: path, NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

function assertCapabilities(stdout: string): void {
  assert.equal(JSON.parse(stdout).type, "crypto");
}

const DENO = `exec "${Deno.execPath()}" "$@"`;

Deno.test("the discovery file says what QEMU's convention asks for", async () => {
  const name = "50-vhost-device-crypto.json";
  const file = JSON.parse(await Deno.readTextFile(`${CONTRIB}${name}`));
  assert.deepEqual(Object.keys(file).sort(), ["binary", "description", "type"]);
  assert.equal(file.type, "crypto");
  assert.ok(isAbsolute(file.binary));
  assert.equal(basename(file.binary), basename(WRAPPER));
  assert.ok(file.description.length > 0);
});

Deno.test("the binary finds deno and answers from any folder, through a link", async () => {
  await using folder = await temporaryFolder();
  const path = await pathFolder(folder.path, { deno: DENO });
  const link = `${folder.path}/linked`;
  await Deno.symlink(WRAPPER, link);
  const { code, stdout, stderr } = await run(
    link,
    path,
    "--print-capabilities",
  );
  assert.equal(code, 0, stderr);
  assertCapabilities(stdout);
});

Deno.test("without deno the binary asks npx for the one of the project", async () => {
  await using folder = await temporaryFolder();
  const npx = `echo "$*" >"${folder.path}/asked"; shift 2; ${DENO}`;
  const path = await pathFolder(folder.path, { npx });
  const { code, stdout, stderr } = await run(
    ...[WRAPPER, path, "--print-capabilities"] as const,
  );
  assert.equal(code, 0, stderr);
  assertCapabilities(stdout);
  const asked = await Deno.readTextFile(`${folder.path}/asked`);
  assert.match(asked, /^-y deno@\d+\.\d+\.\d+ eval /);
});

Deno.test("without deno and npx the binary says what to install", async () => {
  await using folder = await temporaryFolder();
  const path = await pathFolder(folder.path, {});
  const { code, stderr } = await run(WRAPPER, path, "--print-capabilities");
  assert.equal(code, 1);
  assert.match(stderr, /^vhost-device-crypto: [^\n]+install deno [^\n]+\n$/);
});

Deno.test("a signal to the binary reaches the device", async () => {
  await using folder = await temporaryFolder();
  const path = await pathFolder(folder.path, { deno: DENO });
  const socket = `${folder.path}/crypto.sock`;
  const child = new Deno.Command(WRAPPER, {
    args: ["--socket-path", socket, "--backend", "noble"],
    env: { PATH: path },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const end = performance.now() + 20_000;
  while (!await exists(socket) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  assert.equal(await exists(socket), false);
});

Deno.test("the systemd units hand the sockets over", async () => {
  const read = (name: string) => Deno.readTextFile(`${CONTRIB}${name}`);
  const service = await read("vhost-device-crypto.service");
  const socket = await read("vhost-device-crypto.socket");
  assert.match(
    service,
    /^ExecStart=\/usr\/local\/bin\/vhost-device-crypto serve --fd systemd /m,
  );
  // One service for all connections, so that it is given the listening socket.
  assert.doesNotMatch(socket, /^Accept=yes/m);
  assert.equal(socket.match(/^Listen/gm)?.length, 1);
});
