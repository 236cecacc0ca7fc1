/**
 * `completions`: what a shell completes the words of this program with.
 *
 * @module
 */

import { COMMANDS, SHELLS } from "../commands.ts";
import { UsageError } from "../option_values.ts";
import { bashCompletions } from "./bash.ts";
import { fishCompletions } from "./fish.ts";
import { zshCompletions } from "./zsh.ts";

const WRITERS = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
};

/**
 * The script for the shell that `words` name.
 *
 * @throws {UsageError} where they name none
 */
export function completionsFor(words: readonly string[]): string {
  const [word, more] = words;
  const shell = SHELLS.find((name) => name === word);
  if (shell === undefined || more !== undefined) {
    throw new UsageError(
      `Cannot use argument ${JSON.stringify(more ?? word ?? "")}: expected ` +
        `completions ${SHELLS.join("|")}`,
    );
  }
  return WRITERS[shell](COMMANDS);
}
