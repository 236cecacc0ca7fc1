/**
 * Makes the packages for npm: the library, and the program over it.
 *
 *     deno task package [FOLDER]
 *
 * Writes two archives to FOLDER (default: `packaging/dist`), as `npm install`
 * and `npm publish` take them. Needs npm.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Mistake, runTask } from "../testing/task.ts";
import { packLibrary } from "./library.ts";
import { packProgram } from "./program.ts";

const DEFAULT_FOLDER = fileURLToPath(new URL("dist", import.meta.url));

async function main([folder = DEFAULT_FOLDER, ...more]: readonly string[]) {
  const wrong = [folder, ...more].find((word) => word.startsWith("-")) ??
    more[0];
  if (wrong !== undefined) {
    throw new Mistake(`Cannot use argument "${wrong}": expected one folder`);
  }
  const output = resolve(folder);
  await Deno.mkdir(output, { recursive: true });
  console.log(await packLibrary(output));
  console.log(await packProgram(output));
}

if (import.meta.main) {
  await runTask({
    usage: "package [FOLDER]",
    about: "writes the packages to FOLDER; without it, to packaging/dist",
  }, main);
}
