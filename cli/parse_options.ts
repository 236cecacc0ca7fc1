/**
 * From the words of the command line to validated settings; every mistake is a
 * {@linkcode UsageError} of one line.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { DEFAULTS, type OptionName, SERVE_OPTIONS } from "./option_table.ts";

/** A mistake of the operator: option, value and what was expected. */
export class UsageError extends Error {
  override name = "UsageError";
}

export const LOG_LEVELS = ["error", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const SESSION_LAYOUTS = ["auto", "A", "B", "C"] as const;
export type SessionLayoutOption = (typeof SESSION_LAYOUTS)[number];

export const REQUEST_LAYOUTS = ["virtio", "draft-9"] as const;
export type RequestLayoutOption = (typeof REQUEST_LAYOUTS)[number];

/** What `serve` was asked to do. */
export interface ServeSettings {
  readonly socketPaths: readonly string[];
  readonly fd: number | undefined;
  /** `undefined`: all that are ready. */
  readonly backends: readonly string[] | undefined;
  readonly queues: number;
  readonly maxSessions: number;
  readonly maxSizeBytes: number;
  readonly layout: RequestLayoutOption;
  readonly sessionLayout: SessionLayoutOption;
  readonly spinMicroseconds: number;
  readonly allowWeak: boolean;
  readonly logLevel: LogLevel;
}

/** What the command line asks for. */
export type ServeRequest =
  | { readonly action: "serve"; readonly settings: ServeSettings }
  | { readonly action: "help" }
  | { readonly action: "print-capabilities" };

type Values = ReadonlyMap<OptionName, readonly string[]>;

function usage(name: string, value: string, expected: string): UsageError {
  return new UsageError(
    `Cannot use option --${name} ${
      JSON.stringify(value)
    }: expected ${expected}`,
  );
}

function collect(words: readonly string[]): Values {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      SERVE_OPTIONS.map((option) => [option.name, {
        type: "value" in option ? "string" as const : "boolean" as const,
      }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<OptionName, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(
        `Cannot use argument ${JSON.stringify(token.value)}: expected options`,
      );
    }
    if (token.kind !== "option") continue;
    const option = SERVE_OPTIONS.find(({ name }) => name === token.name);
    if (!option || !token.rawName.startsWith("--")) {
      throw new UsageError(
        `Cannot use option ${token.rawName}: expected one of ` +
          SERVE_OPTIONS.map(({ name }) => `--${name}`).join(", "),
      );
    }
    values.set(option.name, [
      ...values.get(option.name) ?? [],
      checkedValue(option, token.value),
    ]);
    if (!("repeatable" in option) && values.get(option.name)!.length > 1) {
      throw usage(option.name, token.value ?? "", "the option only once");
    }
  }
  return values;
}

function checkedValue(
  option: (typeof SERVE_OPTIONS)[number],
  value: string | undefined,
): string {
  if (!("value" in option)) {
    if (value !== undefined) throw usage(option.name, value, "no value");
    return "";
  }
  if (value === undefined || value === "") {
    throw usage(option.name, "", `a value ${option.value}`);
  }
  return value;
}

function wholeNumber(
  values: Values,
  name: OptionName,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  const text = values.get(name)?.[0];
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw usage(name, text, `a whole number from ${minimum} to ${maximum}`);
}

function choice<T extends string>(
  values: Values,
  name: OptionName,
  choices: readonly T[],
  fallback: T,
): T {
  const text = values.get(name)?.[0];
  if (text === undefined) return fallback;
  const chosen = choices.find((entry) => entry === text);
  if (chosen === undefined) {
    throw usage(name, text, `one of ${choices.join(", ")}`);
  }
  return chosen;
}

function backendList(values: Values): string[] | undefined {
  const text = values.get("backend")?.[0];
  if (text === undefined) return undefined;
  const names = text.split(",");
  if (
    names.some((name) => !BUILT_IN_BACKENDS.includes(name)) ||
    new Set(names).size !== names.length
  ) {
    throw usage(
      "backend",
      text,
      `names out of ${BUILT_IN_BACKENDS.join(", ")}, each once, with commas`,
    );
  }
  return names;
}

/** A path must fit `sun_path` of a Unix socket address with its final zero. */
const SOCKET_PATH_MAXIMUM_BYTES = 107;

function socketPaths(values: Values): readonly string[] {
  const paths = values.get("socket-path") ?? [];
  for (const path of paths) {
    const lengthBytes = new TextEncoder().encode(path).length;
    if (lengthBytes > SOCKET_PATH_MAXIMUM_BYTES || path.includes("\0")) {
      throw usage(
        "socket-path",
        path,
        `at most ${SOCKET_PATH_MAXIMUM_BYTES} bytes`,
      );
    }
  }
  if (new Set(paths).size !== paths.length) {
    throw usage("socket-path", paths.at(-1)!, "each path only once");
  }
  return paths;
}

function serveSettings(values: Values): ServeSettings {
  const paths = socketPaths(values);
  const fd = values.has("fd")
    ? wholeNumber(values, "fd", 0, 3, 1_048_576)
    : undefined;
  if (paths.length === 0 && fd === undefined) {
    throw new UsageError(
      "Cannot serve without a socket: expected --socket-path PATH or --fd N",
    );
  }
  if (paths.length > 0 && fd !== undefined) {
    throw usage("fd", `${fd}`, "either --fd or --socket-path, not both");
  }
  return {
    socketPaths: paths,
    fd,
    backends: backendList(values),
    queues: wholeNumber(values, "queues", DEFAULTS.queues, 1, 64),
    maxSessions: wholeNumber(
      values,
      "max-sessions",
      DEFAULTS.maxSessions,
      1,
      1_000_000,
    ),
    maxSizeBytes: wholeNumber(
      values,
      "max-size",
      DEFAULTS.maxSizeBytes,
      4096,
      256 * 1024 * 1024,
    ),
    layout: choice(values, "layout", REQUEST_LAYOUTS, "virtio"),
    sessionLayout: choice(values, "session-layout", SESSION_LAYOUTS, "auto"),
    spinMicroseconds: wholeNumber(
      values,
      "spin",
      DEFAULTS.spinMicroseconds,
      0,
      1_000_000,
    ),
    allowWeak: values.has("allow-weak"),
    logLevel: choice(values, "log-level", LOG_LEVELS, "info"),
  };
}

/**
 * Reads the words after `serve`.
 *
 * @throws {UsageError} naming option, value and what was expected
 */
export function parseServeOptions(words: readonly string[]): ServeRequest {
  // QEMU's conventions: with --print-capabilities everything else is ignored.
  if (words.includes("--print-capabilities")) {
    return { action: "print-capabilities" };
  }
  if (words.includes("--help") || words.includes("-h")) {
    return { action: "help" };
  }
  return { action: "serve", settings: serveSettings(collect(words)) };
}
