import assert from "node:assert/strict";
import { attach, encryptSomething } from "../../testing/attached_driver.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { exists, temporaryFolder, untilExists } from "../../testing/files.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const NOBLE = ["--backend", "noble"];

interface Place {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A device whose standard error is what a shell makes of `redirection`. */
function serveInShell(
  socket: string,
  redirection: string,
  { folder, env = {} }: Place,
): Deno.ChildProcess {
  const command = `exec "${Deno.execPath()}" run -A "${MAIN}" serve ` +
    `--socket-path "${socket}" ${NOBLE.join(" ")} --log-level debug`;
  return new Deno.Command("bash", {
    args: ["-c", `${command} ${redirection}`],
    cwd: folder,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

const UNWRITABLE: readonly (readonly [string, string])[] = [
  ["a full disk", "2>/dev/full"],
  ["a pipe that is closed", "2> >(head -n 1 >/dev/null)"],
  ["a pipe that nobody reads", "2<>pipe"],
  ["a descriptor that is closed", "2>&-"],
];

for (const [what, redirection] of UNWRITABLE) {
  Deno.test(`a device whose log goes to ${what} serves, and ends as told`, async () => {
    await using folder = await temporaryFolder();
    const socket = `${folder.path}/crypto.sock`;
    await new Deno.Command("mkfifo", { args: ["pipe"], cwd: folder.path })
      .output();
    const child = serveInShell(socket, redirection, { folder: folder.path });
    const overdue = setTimeout(() => child.kill("SIGKILL"), 120_000);
    try {
      await untilExists(socket);
      // More than a pipe holds.
      for (let i = 0; i < 2; i++) {
        await using driver = await attach(socket);
        for (let k = 0; k < 300; k++) {
          const hash = await driver.hash({ algorithm: "sha256" });
          await hash.close();
        }
        await encryptSomething(driver);
      }
      child.kill("SIGTERM");
    } finally {
      clearTimeout(overdue);
      await child.status;
    }
    assert.equal((await child.status).code, 0);
    assert.equal(await exists(socket), false);
  });
}

Deno.test("each line of a JSON log is an object that names its guest", async () => {
  await using folder = await temporaryFolder();
  const [first, second] = [`${folder.path}/a`, `${folder.path}/b`];
  await using device = await ServeProcess.start(
    /listening at \S+\/b/,
    ...["--socket-path", first, "--socket-path", second, ...NOBLE],
    ...["--log-format", "json", "--log-level", "debug"],
  );
  {
    await using driver = await attach(second);
    await encryptSomething(driver);
  }
  await device.said("front-end gone");
  await device.end("SIGTERM");
  const events = device.log.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  for (const { time, level, message } of events) {
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.match(level, /^(error|warn|info|debug)$/);
    assert.equal(typeof message, "string");
  }
  const started = events.find(({ message }) => /queue 0 .*start/.test(message));
  assert.deepEqual([started.guest, started.queue], [second, 0]);
  const opened = events.find(({ session }) => session !== undefined);
  assert.equal(opened.guest, second);
  const commands = events.flatMap(({ command }) => command ?? []);
  assert.equal(commands.length, 4);
  assert.ok(commands.every((command) => !command.includes("\n")));
});

Deno.test("a journal gets priorities for times, and nobody else does", async () => {
  await using folder = await temporaryFolder();
  const logPath = `${folder.path}/log`;
  for (const isJournal of [true, false]) {
    await Deno.writeTextFile(logPath, "");
    const { dev, ino } = await Deno.stat(logPath);
    const socket = `${folder.path}/crypto.sock`;
    const child = serveInShell(socket, `2>>"${logPath}"`, {
      folder: folder.path,
      env: { JOURNAL_STREAM: `${dev}:${isJournal ? ino : Number(ino) + 1}` },
    });
    await untilExists(socket);
    child.kill("SIGTERM");
    await child.status;
    const lines = (await Deno.readTextFile(logPath)).trimEnd().split("\n");
    const expected = isJournal ? /^<[3467]>\S/ : /^\d{4}-|^ |^qemu/;
    for (const line of lines) assert.match(line, expected);
    assert.ok(lines.length > 3);
  }
});

Deno.test("the end of a terminal ends a device as SIGTERM does", async () => {
  await using folder = await temporaryFolder();
  const socket = `${folder.path}/crypto.sock`;
  await using device = await ServeProcess.start(
    "cryptodev mode",
    ...["--socket-path", socket, ...NOBLE],
  );
  const { code } = await device.end("SIGHUP");
  assert.equal(code, 0, device.log);
  assert.match(device.log, /info: ended\n$/);
  assert.equal(await exists(socket), false);
});

Deno.test("a reader who has gone is no error of the program's", async () => {
  const command = `"${Deno.execPath()}" run -A "${MAIN}" probe`;
  const script = `${command} | head -n 1 >/dev/null; ${command} >/dev/full`;
  const { stderr } = await new Deno.Command("bash", {
    args: ["-c", script],
    env: { NO_COLOR: "1" },
  }).output();
  assert.match(
    new TextDecoder().decode(stderr),
    /^vhost-device-crypto: Cannot write to standard output: [^\n]+\n$/,
  );
});
