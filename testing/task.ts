/**
 * How a task of deno.json runs as a program.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { BackendError } from "../backends/contract_check.ts";
import { standWithPerson } from "../backends/standing_place.ts";

const EXIT_MISTAKE = 2;

/** A mistake of whoever gave the words, in one line. */
export class Mistake extends Error {
  override name = "Mistake";
}

/** A task as a person sees it. */
export interface TaskUsage {
  /** The task and what may stand behind it. */
  readonly usage: string;
  /** What it does. */
  readonly about: string;
}

/**
 * Runs `main` with the words of the command line, at the place where the person
 * stands, and ends the process with the code that it answers. `--help` is
 * answered; a {@linkcode Mistake} is one line and exit code 2.
 */
export async function runTask(
  { usage, about }: TaskUsage,
  main: (words: string[]) => Promise<number | void> | number | void,
): Promise<void> {
  const words = [...Deno.args];
  const end = words.indexOf("--");
  if (words.slice(0, end < 0 ? undefined : end).includes("--help")) {
    return console.log(`usage: deno task ${usage}\n\n${about}`);
  }
  standWithPerson();
  try {
    const code = await main(words);
    if (code !== undefined) Deno.exitCode = code;
  } catch (error) {
    if (!isMistake(error)) throw error;
    console.error(`${usage.split(" ")[0]}: ${error.message}`);
    Deno.exit(EXIT_MISTAKE);
  }
}

/** Values that cannot be used are told in the same way. */
function isMistake(error: unknown): error is Error {
  return error instanceof Mistake || error instanceof RangeError ||
    error instanceof BackendError;
}

/**
 * Options as `parseArgs` of `node:util` reads them.
 *
 * @throws {Mistake} for words that are none
 */
export function taskWords<T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [line] = error.message.split(/\.?(?: To specify|\n)/);
    throw new Mistake(line!);
  }
}

/**
 * The words of a task that has no options.
 *
 * @throws {Mistake} for an option
 */
export function refuseOptions(words: string[]): string[] {
  const option = words.find((word) => word.startsWith("-"));
  if (option === undefined) return words;
  throw new Mistake(`Cannot use option ${option}: expected none`);
}

/**
 * The whole number that an option's text is.
 *
 * @throws {Mistake} where it is none
 */
export function wholeNumber(
  option: string,
  text: string,
  minimum = 0,
): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= minimum) return number;
  throw new Mistake(
    `Cannot use --${option} ${JSON.stringify(text)}: expected a whole number` +
      (minimum > 0 ? ` from ${minimum}` : ""),
  );
}
