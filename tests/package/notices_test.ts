import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "./parts.ts";

Deno.test("the notices have every package that users get, with its version and licence", async () => {
  const read = (name: string) => Deno.readTextFile(join(ROOT, name));
  const { imports } = JSON.parse(await read("deno.json"));
  const notices = await read("THIRD_PARTY_NOTICES.md");
  const rows = [...notices.matchAll(/^\| `([^`]+)` +\| ([\d.]+) +\|/gm)]
    .map(([, name, version]) => `npm:${name}@${version}`);
  deepStrictEqual(rows.sort(), Object.values(imports).sort());
  for (const name of Object.keys(imports)) {
    ok(notices.includes(`\n## ${name}\n`), name);
  }
});
