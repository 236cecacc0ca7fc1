import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../testing/files.ts";

const ROOT = new URL("../", import.meta.url);
const TASKS: Readonly<Record<string, string>> = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", ROOT)),
).tasks;

/** Tasks that are programs of this repository, with what stands before their words. */
const PROGRAMS = Object.entries(TASKS).flatMap(([task, command]) => {
  const [, file, words] = /^deno run [^&]*?(\S+\.ts)( \S+)*$/.exec(command) ??
    [];
  return file === undefined ? [] : [{ task, file, words: words?.trim() }];
});

async function run(file: string, words: readonly string[], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", fileURLToPath(new URL(file, ROOT))],
      ...words,
    ],
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function checkTask(
  { task, file, words }: (typeof PROGRAMS)[number],
  cwd: string,
): Promise<void> {
  const first = words === undefined ? [] : [words];
  const help = await run(file, [...first, "--help"], cwd);
  assert.equal(help.code, 0, `${task}: ${help.stderr}`);
  assert.match(help.stdout, /^usage: /i, task);
  assert.equal(help.stderr, "", task);
  const wrong = await run(file, [...first, "--no-such-option"], cwd);
  assert.equal(wrong.code, 2, `${task}: ${wrong.stderr}`);
  assert.equal(wrong.stdout, "", task);
  assert.doesNotMatch(wrong.stderr, /^ +at /m, task);
  // The kit shows how it is used instead.
  const isUsage = /^usage: /i.test(wrong.stderr);
  if (!isUsage) assert.match(wrong.stderr, /^[^\n]+\n$/, task);
}

Deno.test("every task answers --help, and a wrong option in one line", async () => {
  assert.ok(PROGRAMS.length > 15, `${PROGRAMS.length}`);
  await using folder = await temporaryFolder();
  const waiting = [...PROGRAMS];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await checkTask(next, folder.path);
    }
  };
  await Promise.all([lane(), lane(), lane()]);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("a task takes paths from where it was called", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/device.toml`, "queues = 0\n");
  // Of a task that runs these tests: the runtime leaves it to those within.
  const { INIT_CWD: _, ...environment } = Deno.env.toObject();
  for (
    const [task, words, line] of [
      [
        "start",
        ["--fd", "9", "--config", "device.toml"],
        /--queues "0": .*device\.toml, l/,
      ],
      ["new-backend", ["mine"], /cd .*\/mine, and deno task test/],
    ] as const
  ) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...[
          "task",
          "-q",
          "--config",
          fileURLToPath(new URL("deno.json", ROOT)),
        ],
        ...[task, ...words],
      ],
      cwd: folder.path,
      stdin: "null",
      clearEnv: true,
      env: { ...environment, NO_COLOR: "1" },
    }).output();
    const said = [stdout, stderr].map((one) => new TextDecoder().decode(one));
    assert.match(said.join(""), line);
  }
  assert.equal((await Deno.stat(`${folder.path}/mine`)).isDirectory, true);
});
