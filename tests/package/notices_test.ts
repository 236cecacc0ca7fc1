import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "./parts.ts";

const read = (name: string) => Deno.readTextFile(join(ROOT, name));

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<
    Record<string, { readonly dependencies?: readonly string[] }>
  >;
}

/** `specifiers`, and all that those packages bring along, as `npm:NAME@VERSION`. */
function withDependencies(
  specifiers: readonly string[],
  { npm }: Lock,
): string[] {
  const packages = Object.keys(npm);
  const found = new Set<string>();
  const add = (name: string): void => {
    const known = packages.find((one) => one.replace(/@[^@]+$/, "") === name);
    ok(known, name);
    if (found.has(known)) return;
    found.add(known);
    npm[known]!.dependencies?.forEach(add);
  };
  for (const one of specifiers) add(one.replace(/^npm:|@[^@]+$/g, ""));
  return [...found].map((one) => `npm:${one}`);
}

Deno.test("the notices have every package that users get, with its version and licence", async () => {
  const { imports } = JSON.parse(await read("deno.json"));
  const lock: Lock = JSON.parse(await read("deno.lock"));
  const all = withDependencies(Object.values<string>(imports), lock);
  const notices = await read("THIRD_PARTY_NOTICES.md");
  const rows = [...notices.matchAll(/^\| `([^`]+)` +\| ([\d.]+) +\|/gm)]
    .map(([, name, version]) => `npm:${name}@${version}`);
  deepStrictEqual(rows.sort(), all.sort());
  const copyright = await read("packaging/debian/copyright");
  for (const one of all) {
    const name = one.replace(/^npm:|@[^@]+$/g, "");
    ok(notices.includes(`\n## ${name}\n`), name);
    const folder = name.replace(/(?<=^@.*)\/.*/, "");
    ok(copyright.includes(`/node_modules/${folder}/*\n`), name);
  }
});
