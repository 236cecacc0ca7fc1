import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { PERMISSION_WORDS, VARIABLES } from "../../cli/permissions.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";

const ROOT = new URL("../../", import.meta.url);
const MAIN = new URL("cli/main.ts", ROOT).href;

const read = (name: string) => Deno.readTextFile(new URL(name, ROOT));

async function start(permissions: readonly string[], ...words: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, MAIN, ...words],
    stdin: "null",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(20_000),
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

for (const missing of ["ffi", "read"]) {
  Deno.test(`without --allow-${missing} nothing is started, and one line says so`, async () => {
    const granted = PERMISSION_WORDS.filter((word) =>
      word !== `--allow-${missing}`
    );
    for (const words of [["serve"], ["supervise", "--"]]) {
      const { code, stderr } = await start(
        granted,
        ...[...words, "--socket-path", "/tmp/never"],
      );
      strictEqual(code, 2, stderr);
      match(
        stderr,
        RegExp(
          `^vhost-device-crypto: Cannot serve without --allow-${missing}: expected deno run --allow-ffi [^\n]+\n$`,
        ),
      );
    }
  });
}

Deno.test("what --isolate needs besides is named, too", async () => {
  const { code, stderr } = await start(
    PERMISSION_WORDS,
    ...["serve", "--isolate", "--socket-path", "/tmp/never"],
  );
  strictEqual(code, 2);
  match(
    stderr,
    /^[^\n]+Cannot isolate guests without --allow-run --allow-env: [^\n]+\n$/,
  );
});

Deno.test("without --allow-env the log does not claim that nobody keeps guests", async () => {
  await using folder = await temporaryFolder();
  await using _ = await ServeProcess.startBy(
    [
      Deno.execPath(),
      "run",
      ...["--allow-ffi", "--allow-read", MAIN],
    ],
    "may not be read (no --allow-env)",
    ...["--socket-path", `${folder.path}/s`, "--backend", "noble"],
  );
});

Deno.test("launchers and tasks grant what the program needs, and no more", async () => {
  const start = JSON.parse(await read("deno.json")).tasks.start;
  strictEqual(
    start,
    `deno run ${PERMISSION_WORDS.join(" ")} cli/main.ts serve`,
  );
  for (
    const launcher of [
      "contrib/vhost-device-crypto",
      "packaging/program/vhost-device-crypto",
    ]
  ) {
    const text = await read(launcher);
    const [, variables] = /^variables="([^"]+)"$/m.exec(text)!;
    deepStrictEqual(variables!.split(","), VARIABLES);
    match(text, /^permissions="--allow-ffi --allow-read"$/m);
    ok(!text.includes(" -A"), launcher);
  }
});
