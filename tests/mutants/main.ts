/**
 * Applies each mutant to a copy of the project and expects its tests to fail:
 *
 *     deno task mutants [TEXT]
 *
 * with TEXT only those whose file or fault contains it. Ends with 1 when one
 * survives.
 *
 * @module
 */

import { join } from "node:path";

import { ALL_MUTANTS } from "./all.ts";
import type { Mutant } from "./mutant.ts";
import { Mistake, runTask } from "../../testing/task.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** How long the tests of one mutant may take, and those of all without any. */
const LIMIT_MS = 300_000;
const UNCHANGED_LIMIT_MS = 3_600_000;
const NOT_COPIED = new Set([".git", "node_modules", "results"]);

type Verdict = "caught" | "caught: never ends" | "SURVIVED" | "DOES NOT LOAD";

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (NOT_COPIED.has(name)) continue;
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

/** The last line of a run that came to its end tells how it went. */
async function runTests(
  folder: string,
  tests: readonly string[],
  limitMs: number,
): Promise<Verdict> {
  const signal = AbortSignal.timeout(limitMs);
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--trace-leaks", ...tests],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
    signal,
  }).output();
  if (signal.aborted) return "caught: never ends";
  if (success) return "SURVIVED";
  const text = new TextDecoder().decode(stdout);
  const loaded = !/^error: .*SyntaxError/m.test(text);
  return loaded && /^FAILED \| \d+ passed/m.test(text)
    ? "caught"
    : "DOES NOT LOAD";
}

async function tryMutant(folder: string, mutant: Mutant): Promise<Verdict> {
  const path = join(folder, mutant.file);
  const original = Deno.readTextFileSync(path);
  const parts = original.split(mutant.text);
  if (parts.length !== 2) {
    throw new Error(`${mutant.file}: the text of "${mutant.fault}" is gone`);
  }
  Deno.writeTextFileSync(path, parts.join(mutant.replacement));
  try {
    return await runTests(folder, mutant.tests, LIMIT_MS);
  } finally {
    Deno.writeTextFileSync(path, original);
  }
}

async function main(wanted: string): Promise<number> {
  const mutants = ALL_MUTANTS.filter(({ file, fault }) =>
    `${file} ${fault}`.includes(wanted)
  );
  if (mutants.length === 0) {
    throw new Mistake(`No mutant's file or fault contains "${wanted}"`);
  }
  const folder = Deno.makeTempDirSync({ prefix: "mutants-" });
  let missed = 0;
  try {
    copyFolder(ROOT, folder);
    const tests = [...new Set(mutants.flatMap(({ tests }) => tests))];
    if (await runTests(folder, tests, UNCHANGED_LIMIT_MS) !== "SURVIVED") {
      console.error("the tests fail without any mutant");
      return 1;
    }
    for (const mutant of mutants) {
      const verdict = await tryMutant(folder, mutant);
      if (!verdict.startsWith("caught")) missed++;
      console.log(`${verdict}  ${mutant.file}: ${mutant.fault}`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  console.log(`${mutants.length - missed} of ${mutants.length} mutants caught`);
  return missed === 0 ? 0 : 1;
}

if (import.meta.main) {
  await runTask({
    usage: "mutants [TEXT]",
    about: "breaks the code in known ways, and tells which the tests miss; " +
      "with TEXT, those whose file or fault has it",
  }, (words) => main(words.join(" ")));
}
