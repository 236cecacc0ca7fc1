import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";

import { LEFT_OUT, ROOMS, SUITES } from "./suites.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Test files of a folder and of those in it; of a file itself. */
function testFiles(path: string): string[] {
  if (Deno.statSync(join(ROOT, path)).isFile) return [path];
  return [...Deno.readDirSync(join(ROOT, path))].flatMap((entry) =>
    entry.isDirectory || entry.name.endsWith("_test.ts")
      ? testFiles(`${path}/${entry.name}`)
      : []
  );
}

Deno.test("each test file of the rooms of rings and threads runs on aarch64, or is left out for a reason", () => {
  const named = [...SUITES, ...LEFT_OUT].flatMap(({ paths }) =>
    paths.flatMap(testFiles)
  );
  deepStrictEqual(named.filter((path, i) => named.indexOf(path) !== i), []);
  const wanted = ROOMS.flatMap(testFiles);
  deepStrictEqual(wanted.filter((path) => !named.includes(path)), []);
  deepStrictEqual(LEFT_OUT.filter(({ why }) => why.length === 0), []);
});
