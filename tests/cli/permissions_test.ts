import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { permissionWords, VARIABLES } from "../../cli/permissions.ts";
import { ServeProcess } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";

const PERMISSIONS = permissionWords({ isolate: false });
const ROOT = new URL("../../", import.meta.url);
const MAIN = new URL("cli/main.ts", ROOT).href;

const LAUNCHERS = [
  "contrib/vhost-device-crypto",
  "packaging/program/vhost-device-crypto",
];
/** By the words behind the launcher, what is granted besides FFI and reading. */
const GRANTED: readonly (readonly [string[], string[]])[] = [
  [["serve", "--socket-path", "/a b/c"], ["--allow-env=…"]],
  [["serve", "--isolate"], ["--allow-env", "--allow-run"]],
  // What a word holds is no word of its own.
  [["serve", "--socket-path", "/a --isolate b"], ["--allow-env=…"]],
  [["serve", "--http", "/a b/c"], [
    ...["--allow-env=…", "--allow-write=/a b/c"],
    "--allow-net=unix:/a b/c",
  ]],
  [["serve", "--http=[::1]:80"], ["--allow-env=…", "--allow-net=[::1]:80"]],
  [["status", "--watch", "/a b/c"], [
    ...["--allow-env=…", "--allow-write=/a b/c", "--allow-net=unix:/a b/c"],
  ]],
  [["key-stub", "a b.pub"], ["--allow-write"]],
  [[], ["--allow-env=…"]],
];

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
    const granted = PERMISSIONS.filter((word) => word !== `--allow-${missing}`);
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
    PERMISSIONS,
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
    `deno run ${PERMISSIONS.join(" ")} cli/main.ts serve`,
  );
  const text = await read("packaging/program/permissions.sh");
  const [, variables] = /--allow-env=(\S+)"$/m.exec(text)!;
  deepStrictEqual(variables!.split(","), VARIABLES);
  for (const launcher of LAUNCHERS) {
    match(await read(launcher), / run --allow-ffi --allow-read \$/m);
  }
});

Deno.test("launchers grant what their words ask for, whatever characters are in those", async () => {
  await using folder = await temporaryFolder();
  const bin = `${folder.path}/node_modules/deno`;
  await Deno.mkdir(bin, { recursive: true });
  const deno = `${bin}/deno`;
  await Deno.writeTextFile(deno, `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
  await Deno.chmod(deno, 0o755);
  const installed = `${folder.path}/node_modules/program`;
  await Deno.mkdir(installed);
  for (const name of ["vhost-device-crypto", "permissions.sh"]) {
    const from = new URL(`packaging/program/${name}`, ROOT);
    await Deno.copyFile(from, `${installed}/${name}`);
  }
  const clone = new URL("contrib/vhost-device-crypto", ROOT).pathname;
  for (const launcher of [clone, `${installed}/vhost-device-crypto`]) {
    for (const [words, expected] of GRANTED) {
      const { stdout, stderr } = await new Deno.Command(launcher, {
        args: words,
        env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
      }).output();
      const all = new TextDecoder().decode(stdout).trimEnd().split("\n");
      const start = all.findIndex((word) => /(main\.ts|start\.js)$/.test(word));
      strictEqual(new TextDecoder().decode(stderr), "");
      deepStrictEqual(all.slice(start + 1), words);
      const granted = all.slice(0, start)
        .filter((word) => word.startsWith("--allow-"))
        .map((word) => word.replace(/(--allow-env=).*/, "$1…"));
      deepStrictEqual(granted, ["--allow-ffi", "--allow-read", ...expected]);
    }
  }
});
