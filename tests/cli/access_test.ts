import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { Driver } from "../../driver/driver.ts";
import { connectVhostUser } from "../../driver/vhost_user_front_end.ts";
import {
  runCommand,
  serveDevice,
  ServeProcess,
} from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { mountedProgram } from "../../testing/mounted_program.ts";
import { testWith } from "../../testing/real_parts.ts";

const MEMORY = { memoryBytes: 4 * 1024 * 1024 };
const NOBLE = ["--backend", "noble"] as const;
const UID = Deno.uid()!;
/** Nobody has these. */
const OTHER_USER = "54321";
const OTHER_GROUP = 54322;
const NOBODY = 65534;

const ROOT = {
  present: UID === 0,
  name: "root",
  remedy: "run the test as root",
};

async function digest(socketPath: string): Promise<number> {
  const link = await connectVhostUser(socketPath, MEMORY);
  await using driver = await Driver.start(link);
  const hash = await driver.hash({ algorithm: "sha256" });
  return (await hash.digest(new TextEncoder().encode("abc")))[0]!;
}

Deno.test("a front-end is told of by process and user, and may be who is allowed", async () => {
  await using device = await serveDevice(
    ...[...NOBLE, "--allow-user", OTHER_USER, "--allow-user", `${UID}`],
  );
  strictEqual(await digest(device.socketPath), 0xba);
  await device.process.said(
    `front-end connected: process ${Deno.pid} of user ${UID}\n`,
  );
});

Deno.test("a front-end of another user is refused, and told of once", async () => {
  await using device = await serveDevice(
    ...[...NOBLE, "--allow-user", OTHER_USER],
  );
  for (let times = 0; times < 2; times++) {
    await rejects(connectVhostUser(device.socketPath, MEMORY));
  }
  await device.process.said("front-end refused");
  const refusals = device.process.log.match(/front-end refused: .*/g);
  deepStrictEqual(refusals, [
    `front-end refused: process ${Deno.pid} of user ${UID} is not allowed`,
  ]);
});

Deno.test("sockets have the mode and the group that were asked for", async () => {
  const group = UID === 0 ? OTHER_GROUP : Deno.gid()!;
  await using device = await serveDevice(
    ...[...NOBLE, "--socket-mode", "620", "--socket-group", `${group}`],
  );
  const { mode, gid } = await Deno.lstat(device.socketPath);
  deepStrictEqual([mode! & 0o777, gid], [0o620, group]);
});

testWith(
  ROOT,
  "the device becomes another user, on all threads, and nobody of that user can look into it",
  async () => {
    await using place = await temporaryFolder();
    const socketPath = `${place.path}/crypto.sock`;
    const http = `${place.path}/http.sock`;
    await using device = await ServeProcess.startBy(
      await mountedProgram("755", {
        isolate: false,
        http: { address: { kind: "unix", path: http } },
      }),
      "from now on",
      ...["--socket-path", socketPath, "--user", `${NOBODY}`, "--http", http],
    );
    const { uid, mode } = Deno.statSync(http);
    deepStrictEqual([uid, mode! & 0o777], [NOBODY, 0o600]);
    strictEqual(await digest(socketPath), 0xba);
    const folder = `/proc/${device.pid}`;
    for (const { name } of Deno.readDirSync(`${folder}/task`)) {
      const status = Deno.readTextFileSync(`${folder}/task/${name}/status`);
      const ids = /^Uid:\s*(.*)$/m.exec(status)![1]!.split(/\s+/);
      deepStrictEqual(new Set(ids), new Set([`${NOBODY}`]));
      match(status, /^CapEff:\s*0+$/m);
      // Those of a process that may be dumped are its user's.
      strictEqual(Deno.statSync(`${folder}/task/${name}/environ`).uid, 0);
    }
  },
);

testWith(
  ROOT,
  "a user who cannot read the program is a mistake, which the start tells",
  async () => {
    await using place = await temporaryFolder();
    await rejects(
      ServeProcess.startBy(
        await mountedProgram("700"),
        "from now on",
        ...["--socket-path", `${place.path}/s`, "--user", `${NOBODY}`],
      ),
      /--user "nobody": expected a user who can read the program \(/,
    );
  },
);

for (
  const [option, what] of [
    ["socket-group", "group"],
    ["allow-user", "user"],
    ["user", "user"],
  ] as const
) {
  Deno.test(`--${option} of whom the machine does not know is a mistake`, async () => {
    const { code, stderr } = await runCommand(
      ...["serve", "--socket-path", "/tmp/never", `--${option}`, "no:body"],
    );
    strictEqual(code, 2);
    strictEqual(
      stderr,
      `vhost-device-crypto: Cannot use option --${option} "no:body": expected a ${what} that this machine has\n`,
    );
  });
}
