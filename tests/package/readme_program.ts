/**
 * The README's first program, as somebody has it who has installed the library.
 *
 * @module
 */

import { join } from "node:path";
import { LIBRARY } from "./installed.ts";
import { ROOT } from "./parts.ts";

const BLOCK = /## As a library\n\n```ts\n([^`]+)```/;

/** The program over the installed library; it prints a line at its end. */
export async function readmeProgram(): Promise<string> {
  const readme = await Deno.readTextFile(join(ROOT, "README.md"));
  const program = BLOCK.exec(readme)?.[1];
  if (program === undefined) throw new Error("the README has no program");
  return program.replace('"./mod.ts"', `"${LIBRARY}"`) +
    'console.log("sealed", sealed.length);\n';
}
