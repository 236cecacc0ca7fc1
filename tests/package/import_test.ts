import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import { ESBUILD, outputOf, ROOT, run } from "./parts.ts";

const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
const EXPORTS = Object.entries<string>(config.exports);

/** What the device would answer, were it started. */
const WORDS = ["--print-capabilities"];

const deno = (...args: string[]) =>
  run(Deno.execPath(), ["run", "--config", "deno.json", ...args]);

/** A program that imports `module` and says so. */
const importing = (module: string): string =>
  `import * as module from "${join(ROOT, module)}";\n` +
  `console.log(Object.keys(module).length > 0);\n`;

for (const [name, module] of EXPORTS) {
  Deno.test(`importing "${name}" starts nothing and needs no permission`, async () => {
    await using folder = await temporaryFolder();
    const program = `${folder.path}/program.ts`;
    await Deno.writeTextFile(program, importing(module));
    deepStrictEqual(
      await deno("--no-prompt", "--no-check", program, ...WORDS),
      { code: 0, stdout: "true\n", stderr: "" },
    );
  });

  testWith(
    ESBUILD,
    `a bundle that has "${name}" in it starts nothing`,
    async () => {
      await using folder = await temporaryFolder();
      const program = `${folder.path}/program.ts`;
      const bundle = `${folder.path}/program.js`;
      await Deno.writeTextFile(program, importing(module));
      await outputOf(ESBUILD.path, [
        ...[program, "--bundle", "--format=esm", "--packages=external"],
        ...[`--outfile=${bundle}`, "--log-level=error", "--external:node:*"],
      ]);
      deepStrictEqual(await deno("--no-prompt", bundle, ...WORDS), {
        code: 0,
        stdout: "true\n",
        stderr: "",
      });
    },
  );
}

Deno.test("the tasks for documentation know every export", () => {
  for (const task of ["doc:lint", "doc:html"]) {
    const words = config.tasks[task].split(" ").map((word: string) =>
      `./${word}`
    );
    for (const [, module] of EXPORTS) ok(words.includes(module), module);
  }
});

Deno.test("who still runs mod.ts is told in one line where the program is, and served", async () => {
  const { code, stdout, stderr } = await deno("-A", "mod.ts", "--help");
  strictEqual(code, 0);
  match(stdout, /^usage: /);
  match(stderr, /^vhost-device-crypto: [^\n]*cli\/main\.ts serve[^\n]*\n$/);
  const wrong = await deno("-A", "mod.ts", "serve", "--queues", "0");
  strictEqual(wrong.code, 2);
  match(wrong.stderr, /\n[^\n]*--socket-path[^\n]*\n$/);
});
