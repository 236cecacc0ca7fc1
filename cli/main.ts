/**
 * The program: its commands, help and version. Who imports it gets {@linkcode main},
 * and nothing is started.
 *
 * @module
 */

import { standWithPerson } from "../backends/standing_place.ts";
import { endWithUsageError } from "./option_values.ts";
import { runProgram } from "./program.ts";

/**
 * Runs the program; a mistake is one line on standard error and ends the process
 * with exit code 2.
 *
 * @param words what stands on the command line after the program's name
 */
export async function main(words: readonly string[]): Promise<void> {
  try {
    await runProgram(words);
  } catch (error) {
    endWithUsageError(error);
  }
}

// Not awaited: a plugin that imports this module would wait for it, and it for
// the plugin. In a bundle `main` and the URL are those of another.
if (import.meta.main && import.meta.url.endsWith("/cli/main.ts")) {
  standWithPerson();
  void main(Deno.args);
}
