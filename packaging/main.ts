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
import { packLibrary } from "./library.ts";
import { packProgram } from "./program.ts";

const DEFAULT_FOLDER = fileURLToPath(new URL("dist", import.meta.url));

async function main([folder = DEFAULT_FOLDER]: readonly string[]) {
  const output = resolve(folder);
  await Deno.mkdir(output, { recursive: true });
  console.log(await packLibrary(output));
  console.log(await packProgram(output));
}

if (import.meta.main) await main(Deno.args);
