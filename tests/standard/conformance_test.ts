import { deepStrictEqual, ok } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** A line of a table in docs/conformance.md. */
interface Row {
  readonly clause: string;
  readonly requirement: string;
  readonly shownBy: string;
}

function readRows(): Row[] {
  const text = Deno.readTextFileSync(new URL("docs/conformance.md", ROOT));
  return text.split("\n")
    .filter((line) => /^\| (?!Clause |---)/.test(line))
    .map((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const [, clause = "", requirement = "", shownBy = ""] = cells;
      return { clause, requirement, shownBy };
    });
}

/** What a row may say in place of tests. */
const NOT_OFFERED = "not offered";

/** `tests/standard/x_test.ts: name` for each test that a row names. */
function testsOf({ shownBy }: Row): { file: string; name: string }[] {
  return shownBy.split("<br>").map((entry) => {
    const end = entry.indexOf(": ");
    return { file: entry.slice(0, end).trim(), name: entry.slice(end + 2) };
  });
}

const sources = new Map<string, string>();

function sourceOf(file: string): string {
  const known = sources.get(file);
  if (known !== undefined) return known;
  const source = Deno.readTextFileSync(new URL(file, ROOT));
  sources.set(file, source);
  return source;
}

/** Whether a test or a step of `file` is registered under exactly this name. */
function isRegistered(file: string, name: string): boolean {
  const source = sourceOf(file);
  const registers =
    /(?:Deno\.test|test[A-Z]\w*|withServer|step)\(\s*(?:partOf\([^)]*\),\s*)?(["`])((?:\\.|(?!\1).)*)\1/gs;
  for (const [, quote, literal] of source.matchAll(registers)) {
    const text = quote === '"' ? JSON.parse(`"${literal}"`) : literal;
    if (text === name) return true;
  }
  return false;
}

Deno.test("every test that the conformance table names exists", () => {
  const missing: string[] = [];
  let named = 0;
  for (const row of readRows()) {
    if (row.shownBy === NOT_OFFERED) continue;
    for (const { file, name } of testsOf(row)) {
      named++;
      if (!isRegistered(file, name)) missing.push(`${file}: ${name}`);
    }
  }
  ok(named > 100, `${named} tests are named`);
  deepStrictEqual(missing, []);
});

Deno.test("a name that no test has is found missing", () => {
  const file = "tests/standard/conformance_test.ts";
  ok(isRegistered(file, "a name that no test has is found missing"));
  ok(!isRegistered(file, "a name that no test"));
  ok(!isRegistered("tests/standard/config_test.ts", "nothing"));
});

Deno.test("every line of the conformance table is whole", () => {
  const rows = readRows();
  ok(rows.length > 130, `${rows.length} rows`);
  for (const { clause, requirement, shownBy } of rows) {
    ok(
      /^(§\d+(\.\d+)*|draft 9|vhost-user: [A-Z].*)$/.test(clause),
      clause,
    );
    ok(/\b(MUST|SHOULD|MAY)\b/.test(requirement), `${clause}: ${requirement}`);
    ok(shownBy.length > 0, `${clause}: ${requirement}`);
  }
  const texts = rows.map(({ clause, requirement }) => clause + requirement);
  deepStrictEqual(texts.length, new Set(texts).size);
});
