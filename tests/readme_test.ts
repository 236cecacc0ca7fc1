import assert from "node:assert/strict";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { cryptodevCommand, genericCommand } from "../cli/qemu_commands.ts";
import { parsePlacementRule } from "../device/session/placement_rule.ts";

const ROOT = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", ROOT));

function section(title: string): string {
  const from = readme.indexOf(`\n## ${title}\n`);
  assert.ok(from >= 0, `there is no section "${title}"`);
  const to = readme.indexOf("\n## ", from + 1);
  return readme.slice(from, to < 0 ? undefined : to);
}

Deno.test("the README has a row for each built-in backend, in their order", () => {
  const rows = section("Backends").matchAll(/^\| `([a-z0-9-]+)` +\|/gm);
  assert.deepEqual([...rows].map(([, name]) => name), BUILT_IN_BACKENDS);
});

Deno.test("the README's QEMU commands are those that the device prints", () => {
  for (const command of [genericCommand, cryptodevCommand]) {
    assert.ok(section("With QEMU").includes(command("/tmp/crypto.sock", 1)));
  }
});

Deno.test("the README's placement rules are rules", () => {
  const rules = [...section("Backends").matchAll(/--place\s+'([^']+)'/g)];
  assert.ok(rules.length >= 3);
  for (const [, rule] of rules) assert.ok(parsePlacementRule(rule!), rule);
});

Deno.test("every file that README and CHANGELOG link to exists", async () => {
  const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  const links = [...`${readme}${changelog}`.matchAll(/\]\(([^)#:]+)\)/g)];
  assert.ok(links.length > 5);
  for (const [, path] of links) await Deno.stat(new URL(path!, ROOT));
});

Deno.test("every task that the README names is one of deno.json", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  for (const [, task] of readme.matchAll(/\btask ([a-z][a-z0-9:-]*)/g)) {
    assert.ok(task! in config.tasks, task);
  }
});

Deno.test("the folders that the README explains are those of the tree", async () => {
  const rows = [...section("Development").matchAll(/^\| `([a-z_/]+)\/` +\|/gm)];
  const explained = new Set(rows.map(([, path]) => path!.split("/")[0]!));
  const hidden = ["docs", "node_modules"];
  for await (const { name, isDirectory } of Deno.readDir(ROOT)) {
    if (!isDirectory || name.startsWith(".") || hidden.includes(name)) continue;
    assert.ok(explained.has(name), `${name}/ has no row`);
    explained.delete(name);
  }
  assert.deepEqual([...explained], []);
});
