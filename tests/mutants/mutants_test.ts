import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";

import { ALL_MUTANTS } from "./all.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

Deno.test("each mutant's text stands once in its file, and its tests exist", () => {
  const faults: string[] = [];
  for (const { fault, file, text, replacement, tests } of ALL_MUTANTS) {
    const count = Deno.readTextFileSync(join(ROOT, file)).split(text).length -
      1;
    if (count !== 1) {
      faults.push(`${file}: ${fault}: text found ${count} times`);
    }
    if (text === replacement) faults.push(`${file}: ${fault}: changes nothing`);
    if (tests.length === 0) faults.push(`${file}: ${fault}: names no test`);
    for (const test of tests) Deno.statSync(join(ROOT, test));
  }
  deepStrictEqual(faults, []);
});
