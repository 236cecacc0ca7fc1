/**
 * A configuration file: TOML with the names of options, which become words of the
 * command line.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import { SERVE_OPTIONS, type ServeOption } from "./option_table.ts";
import { collect, unknownOption, usage, UsageError } from "./option_values.ts";
import { ANSWER_OPTIONS } from "./options/answers.ts";

/** What a person asks for, wherever it is written. */
export interface ConfiguredWords {
  /** All of it, as if it stood on the command line. */
  readonly words: readonly string[];
  /** Whether an option was taken out of the file. */
  isFromFile(option: string): boolean;
  /** File and line of an option, for messages. */
  placeOf(option: string): string;
}

const CONFIG = "config";

/** What a file may have: no file of its own, and nothing that ends at once. */
const FILE_OPTIONS: readonly ServeOption[] = SERVE_OPTIONS.filter((option) =>
  option.name !== CONFIG &&
  !ANSWER_OPTIONS.some(({ name }) => name === option.name)
);

/**
 * Takes the file that `--config` names in `words`, if it does, and adds what it
 * says of options that are not among them.
 *
 * @throws {UsageError} for words or a file that cannot be used
 */
export async function configuredWords(
  words: readonly string[],
): Promise<ConfiguredWords> {
  const given = collect(words);
  const path = given.get(CONFIG)?.[0];
  if (path === undefined) {
    return { words, isFromFile: () => false, placeOf: () => "" };
  }
  const text = await readFile(path);
  const placeOf = (option: string) => {
    const line = lineOf(text, option);
    return line > 0 ? `${path}, line ${line}` : path;
  };
  const read = fileOptions(await parseToml(text, path), placeOf);
  const all: Texts = new Map([...read, ...given]);
  all.delete(CONFIG);
  return {
    words: asWords(all),
    isFromFile: (option) =>
      read.has(option) && all.get(option) === read.get(option),
    placeOf,
  };
}

/** By the name of the option. */
type Texts = Map<string, readonly string[]>;

function asWords(all: Texts): string[] {
  return SERVE_OPTIONS.flatMap(({ name, value }) =>
    (all.get(name) ?? []).map((text) =>
      value === undefined ? `--${name}` : `--${name}=${text}`
    )
  );
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = messageOf(error);
    throw usage(CONFIG, path, `a file that can be read: ${reason}`);
  }
}

async function parseToml(
  text: string,
  path: string,
): Promise<Readonly<Record<string, unknown>>> {
  // Nobody waits for it who has no file.
  const { parse, TomlError } = await import("npm:smol-toml@1.9.1");
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.split("\n");
    throw new UsageError(
      `Cannot read configuration ${path}, line ${error.line}: ${reason}`,
    );
  }
}

/** What the file says of each option, in words. */
function fileOptions(
  content: Readonly<Record<string, unknown>>,
  placeOf: (option: string) => string,
): Texts {
  const texts: Texts = new Map();
  for (const [name, value] of Object.entries(content)) {
    const option = FILE_OPTIONS.find((entry) => entry.name === name);
    if (!option) {
      const { message } = unknownOption(`--${name}`, FILE_OPTIONS);
      throw new UsageError(`${message} (${placeOf(name)})`);
    }
    const read = textsOf(option, value);
    if (read === undefined) {
      throw new UsageError(
        `Cannot use option --${name}: expected ${formOf(option)} (${
          placeOf(name)
        })`,
      );
    }
    if (read.length > 0) texts.set(name, read);
  }
  return texts;
}

/** What a value in the file is on the command line; undefined: nothing. */
function textsOf(
  { value: placeholder, repeatable }: ServeOption,
  value: unknown,
): readonly string[] | undefined {
  if (placeholder === undefined) {
    return typeof value === "boolean" ? (value ? [""] : []) : undefined;
  }
  const list = repeatable && Array.isArray(value) ? value : [value];
  const isGood = list.every((entry) =>
    typeof entry === "string" || typeof entry === "number"
  );
  return isGood ? list.map((entry) => `${entry}`) : undefined;
}

function formOf({ value, repeatable }: ServeOption): string {
  if (value === undefined) return "true or false";
  const one = `a string or a number, ${value}`;
  return repeatable ? `${one}, or a list of them` : one;
}

/** The line on which the file names an option; 0: on none. */
function lineOf(text: string, option: string): number {
  const name = RegExp.escape(option);
  const begins = new RegExp(`^\\s*\\[*\\s*(["']?)${name}\\1\\s*[=\\].]`);
  return 1 + text.split("\n").findIndex((line) => begins.test(line));
}

/** `error` with file and line of its option, if that was taken out of the file. */
export function inFile(
  error: unknown,
  { isFromFile, placeOf }: ConfiguredWords,
): unknown {
  if (!(error instanceof UsageError)) return error;
  const { option } = error;
  if (option === undefined || !isFromFile(option)) return error;
  return new UsageError(`${error.message} (${placeOf(option)})`);
}
