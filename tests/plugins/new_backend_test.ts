import { match, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../testing/files.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TASK = fileURLToPath(
  new URL("../../packaging/new_backend.ts", import.meta.url),
);

async function run(cwd: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), errors: text(stderr) };
}

Deno.test("a new backend passes its test, the kit and the compiler as it is written", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const made = await run(path, "run", "-A", TASK, "my-backend");
  strictEqual(made.code, 0, made.errors);
  const own = `${path}/my-backend`;
  const checked = await run(own, "check", "backend.ts", "backend.bench.ts");
  strictEqual(checked.code, 0, checked.errors);
  const tested = await run(own, "task", "test");
  strictEqual(tested.code, 0, tested.out + tested.errors);
  const kit = await run(own, "task", "conformance");
  strictEqual(kit.code, 0, kit.errors);
  match(kit.out, /passed, 0 failed/);
  // From the clone, which has other names of imports.
  const shown = await run(
    ROOT,
    ...["run", "-A", "--no-check", "cli/main.ts", "probe"],
    ...["--backend", `${own}/backend.ts,noble`],
  );
  strictEqual(shown.code, 0, shown.errors);
  match(shown.out, /^my-backend: ready/);
});

Deno.test("a new backend with promises passes the kit as it is written", async () => {
  await using folder = await temporaryFolder();
  const words = ["my-service", ".", "--asynchronous"];
  const made = await run(folder.path, "run", "-A", TASK, ...words);
  strictEqual(made.code, 0, made.errors);
  const kit = await run(folder.path, "task", "conformance", "1");
  strictEqual(kit.code, 0, kit.out + kit.errors);
  match(kit.out, /my-service: .*\noffers 2 of 47: 4 passed, 0 failed\n$/);
});

Deno.test("from a new backend's folder one of another folder with imports of its own is shown, too", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  for (const name of ["first", "second"]) {
    const made = await run(path, "run", "-A", TASK, name);
    strictEqual(made.code, 0, made.errors);
  }
  const file = `${path}/second/deno.json`;
  const config = JSON.parse(await Deno.readTextFile(file));
  config.imports.data = "./data.ts";
  await Deno.writeTextFile(file, JSON.stringify(config));
  await Deno.writeTextFile(`${path}/second/data.ts`, "export {};");
  const backend = await Deno.readTextFile(`${path}/second/backend.ts`);
  await Deno.writeTextFile(
    `${path}/second/backend.ts`,
    `import "data";\n${backend}`,
  );
  const { code, out, errors } = await run(
    `${path}/first`,
    ...["run", "-A", "--no-check", "vhost-device-crypto/cli", "probe"],
    ...["--backend", "./backend.ts,../second/backend.ts"],
  );
  strictEqual(code, 0, errors);
  match(out, /^first: ready.*\nsecond: ready/);
});

Deno.test("a name or a folder that cannot be is told in one line, and nothing is written", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  for (const name of ["noble", "My Backend", "../x"]) {
    const { code, errors } = await run(path, "run", "-A", TASK, name);
    strictEqual(code, 2);
    match(
      errors,
      /^new-backend: Cannot name a backend "[^\n]*expected[^\n]*\n$/,
    );
  }
  await Deno.writeTextFile(`${path}/full`, "");
  const { code, errors } = await run(path, "run", "-A", TASK, "x", ".");
  strictEqual(code, 2);
  match(
    errors,
    /^new-backend: Cannot write to [^\n]*expected an empty folder\n$/,
  );
});
