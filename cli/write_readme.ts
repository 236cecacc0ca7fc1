/**
 * Writes the README's option table from the program's: `deno task readme`.
 *
 * @module
 */

import { optionsAsMarkdown } from "./option_table.ts";

export const readmePath: URL = new URL("../README.md", import.meta.url);

const BEGIN = "<!-- options: written by `deno task readme` -->";
const END = "<!-- end of options -->";
const UNFORMATTED = "<!-- deno-fmt-ignore-start -->";
const FORMATTED = "<!-- deno-fmt-ignore-end -->";

/** `readme` with the present table between its marks. */
export function withOptionTable(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot find the marks "${BEGIN}" and "${END}"`);
  }
  const before = readme.slice(0, begin + BEGIN.length);
  return [
    ...[before, UNFORMATTED, optionsAsMarkdown(), FORMATTED],
    readme.slice(end),
  ].join("\n\n");
}

if (import.meta.main) {
  const [word] = Deno.args;
  if (word === "--help") {
    console.log("usage: deno task readme\n\nwrites the README's option table");
    Deno.exit();
  }
  if (word !== undefined) {
    console.error(`readme: Cannot use option ${word}: expected none`);
    Deno.exit(2);
  }
  const readme = await Deno.readTextFile(readmePath);
  await Deno.writeTextFile(readmePath, withOptionTable(readme));
}
