/**
 * The values of options: collected from the words of the command line, and read
 * one by one.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { FIRST_FD } from "../keeper/inherited.ts";
import { onOneLine } from "./log_format.ts";
import { nearestName } from "./nearest_name.ts";
import { type OptionName, SERVE_OPTIONS } from "./option_table.ts";
import type { OptionEntry } from "./options/option_entry.ts";

/** A mistake of the operator: option, value and what was expected. */
export class UsageError extends Error {
  override name = "UsageError";

  /** @param option the name of the option that it is about */
  constructor(message: string, readonly option?: string) {
    super(message);
  }
}

/** What a command is for cannot be done, whatever its words are. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
}

/** Exit code for a mistake on the command line. */
export const EXIT_USAGE = 2;
const EXIT_FAILURE = 1;

/** One line on standard error, if anybody takes it. */
export function complain(line: string): void {
  try {
    const text = `vhost-device-crypto: ${onOneLine(line)}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // The exit code has to say it.
  }
}

/** Ends this process with the one line of a mistake or failure; throws all else. */
export function endWithUsageError(error: unknown): never {
  const isFailure = error instanceof CommandFailure;
  if (!isFailure && !(error instanceof UsageError)) throw error;
  complain(error.message);
  Deno.exit(isFailure ? EXIT_FAILURE : EXIT_USAGE);
}

/** Options of `serve`, and those that another command has besides. */
type KnownName = OptionName | "json";

type KnownOption = OptionEntry & { readonly name: KnownName };

/** The values of each option that was given, in their order. */
export type Values = ReadonlyMap<KnownName, readonly string[]>;

/** The one line for a value that cannot be used. */
export function usage(
  name: KnownName,
  value: string,
  expected: string,
): UsageError {
  return new UsageError(
    `Cannot use option --${name} ${
      JSON.stringify(value)
    }: expected ${expected}`,
    name,
  );
}

/** The one line for an option that is not among `known`. */
export function unknownOption(
  rawName: string,
  known: readonly OptionEntry[],
): UsageError {
  const names = known.map(({ name }) => name);
  const meant = nearestName(rawName.replace(/^-+/, ""), names);
  const expected = meant === undefined
    ? "one that --help shows"
    : `--${meant}, or another that --help shows`;
  return new UsageError(`Cannot use option ${rawName}: expected ${expected}`);
}

/** Checks the form of the words only: options of `known`, with values or without. */
export function collect(
  words: readonly string[],
  known: readonly KnownOption[] = SERVE_OPTIONS,
): Values {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      known.map((option) => [option.name, {
        type: option.value ? "string" as const : "boolean" as const,
      }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<KnownName, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(
        `Cannot use argument ${JSON.stringify(token.value)}: expected options`,
      );
    }
    if (token.kind !== "option") continue;
    const option = known.find(({ name }) => name === token.name);
    if (!option || !token.rawName.startsWith("--")) {
      throw unknownOption(token.rawName, known);
    }
    values.set(option.name, [
      ...values.get(option.name) ?? [],
      checkedValue(option, token.value, token.inlineValue ?? false),
    ]);
    if (!option.repeatable && values.get(option.name)!.length > 1) {
      throw usage(option.name, token.value ?? "", "the option only once");
    }
  }
  return values;
}

function checkedValue(
  option: KnownOption,
  value: string | undefined,
  inline: boolean,
): string {
  if (option.value === undefined) {
    if (value !== undefined) throw usage(option.name, value, "no value");
    return "";
  }
  // The next option is not the value of this one.
  const absent = !value || (!inline && value.startsWith("--"));
  if (absent) throw usage(option.name, "", `a value ${option.value}`);
  return value;
}

/** The number of an option, or `fallback` where it was not given. */
export function wholeNumber(
  values: Values,
  name: OptionName,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  const text = values.get(name)?.[0];
  return text === undefined
    ? fallback
    : wholeNumberIn(name, text, minimum, maximum);
}

/** The number that `text` is. */
export function wholeNumberIn(
  name: OptionName,
  text: string,
  minimum: number,
  maximum: number,
): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw usage(name, text, `a whole number from ${minimum} to ${maximum}`);
}

const LAST_FD = 1_048_576;

/** A descriptor that is handed over. */
export const descriptorNumber = (name: OptionName, text: string): number =>
  wholeNumberIn(name, text, FIRST_FD, LAST_FD);

/** The word of an option, or `fallback` where it was not given. */
export function choice<T extends string>(
  values: Values,
  name: OptionName,
  choices: readonly T[],
  fallback: T,
): T {
  const text = values.get(name)?.[0];
  return text === undefined ? fallback : oneOf(name, text, choices);
}

/** The one of `choices` that `text` is. */
export function oneOf<T extends string>(
  name: OptionName,
  text: string,
  choices: readonly T[],
): T {
  const chosen = choices.find((entry) => entry === text);
  if (chosen === undefined) {
    throw usage(name, text, `one of ${choices.join(", ")}`);
  }
  return chosen;
}

/** The path that a value is meant for where it is none of the sockets'. */
const OTHER_PATH = /@(\.{0,2}\/.*)$/;

/** The values of an option that are for `path`, or for all sockets. */
export function scoped(
  values: Values,
  name: OptionName,
  paths: readonly string[],
  path: string | undefined,
): string[] {
  return (values.get(name) ?? []).flatMap((value) => {
    const own = paths.find((candidate) => value.endsWith(`@${candidate}`));
    if (own === undefined && OTHER_PATH.test(value)) {
      throw usage(name, value, "a --socket-path of this command after @");
    }
    if (own !== path) return [];
    return [own === undefined ? value : value.slice(0, -own.length - 1)];
  });
}
