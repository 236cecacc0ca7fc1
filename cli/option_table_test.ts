import assert from "node:assert/strict";
import { helpText } from "./help.ts";
import {
  optionsAsMarkdown,
  optionUsage,
  SERVE_OPTIONS,
} from "./option_table.ts";
import { readmePath, withOptionTable } from "./write_readme.ts";

Deno.test("the README's option table is the program's", async () => {
  const readme = await Deno.readTextFile(readmePath);
  assert.equal(
    withOptionTable(readme),
    readme,
    "run `deno task readme` to write the table anew",
  );
});

Deno.test("a table without its marks is not replaced silently", () => {
  assert.throws(() => withOptionTable("# Readme\n"), /marks/);
});

Deno.test("an older table is replaced and the rest stays", async () => {
  const readme = await Deno.readTextFile(readmePath);
  const older = readme.replace(optionsAsMarkdown(), "| old |");
  assert.notEqual(older, readme);
  assert.equal(withOptionTable(older), readme);
});

Deno.test("help and README have every option", () => {
  for (const option of SERVE_OPTIONS) {
    assert.ok(helpText(80).includes(`\n  ${optionUsage(option)}\n`));
    assert.ok(optionsAsMarkdown().includes(`| \`${optionUsage(option)}\` |`));
  }
});

Deno.test("no text breaks the rows of the README's table", () => {
  for (const row of optionsAsMarkdown().split("\n")) {
    assert.equal(row.replaceAll("\\|", "").split("|").length, 5, row);
  }
});
