import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { ROOT, run } from "./parts.ts";

const { publish } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
const LISTED: readonly string[] = ["deno.json", ...publish.include];
const isPublished = (path: string): boolean =>
  !LEFT_OUT.test(path) &&
  LISTED.some((name) => path === name || path.startsWith(`${name}/`));
const LEFT_OUT = /_test\.ts$|\.c$|^cli\/write_readme\.ts$/;

Deno.test("a publication for JSR is clean, and has what users need and no more", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    ...["publish", "--dry-run", "--allow-dirty"],
  ]);
  strictEqual(code, 0, stderr);
  // Plugins are modules that only the user knows, and mod.ts names the program in
  // a way that bundlers do not follow.
  const warnings = stderr.matchAll(
    /^(?:warning|error)\[.*\n +--> (.*):\d+:\d+/gm,
  );
  deepStrictEqual([...warnings].map(([, where]) => where), [
    `${ROOT}backends/registry.ts`,
    `${ROOT}mod.ts`,
  ]);
  const files = [...`${stdout}${stderr}`.matchAll(/^ +file:\/\/(\S+) \(/gm)]
    .map(([, path]) => path!.slice(ROOT.length));
  const tracked = (await run("git", ["ls-files", "-co", "--exclude-standard"]))
    .stdout.trim().split("\n");
  deepStrictEqual(
    files.sort(),
    tracked.filter(isPublished).sort(),
  );
});
