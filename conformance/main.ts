/**
 * The conformance kit as a program, over a built-in backend or a module of the
 * user's own (`deno task conformance NAME_OR_PATH [SEED] [--option NAME=VALUE]...`),
 * and as a library for the tests of a backend.
 *
 * @module
 */

import type { BackendOptions } from "../backends/backend.ts";
import { BackendError } from "../backends/contract_check.ts";
import { messageOf } from "../backends/error_message.ts";
import { adoptImports } from "../backends/plugin_imports.ts";
import { backendSpecifier, BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { standingPlace } from "../backends/standing_place.ts";
import { formatEntry, formatSummary, isWorthALine } from "./conformance.ts";
import { checkWatched } from "./watched.ts";

export * from "./conformance.ts";

const USAGE =
  `Usage: deno task conformance BACKEND [SEED] [--option NAME=VALUE]...
BACKEND is one of ${BUILT_IN_BACKENDS.join(", ")}, plain (the kit's own second
opinion), a path or an npm package of a module whose default export is a backend.
SEED is a number that an earlier run printed.
--option gives the backend one of its own options, as in
--option module=/usr/lib/softhsm/libsofthsm2.so.`;

interface Words {
  readonly name: string;
  readonly seed: number | undefined;
  readonly backendOptions: BackendOptions;
}

/** What the words ask for; undefined where they cannot be understood. */
function read(args: readonly string[]): Words | undefined {
  const plain: string[] = [];
  const backendOptions: Record<string, string> = {};
  for (let i = 0; i < args.length; i++) {
    if (args[i] !== "--option") {
      plain.push(args[i]!);
      continue;
    }
    const [, option, value] = /^([^=]+)=(.*)$/s.exec(args[++i] ?? "") ?? [];
    if (option === undefined) return undefined;
    backendOptions[option] = value!;
  }
  const [name, seedText] = plain;
  const seed = seedText === undefined ? undefined : Number(seedText);
  const isOption = plain.some((word) => word.startsWith("-"));
  if (
    name === undefined || isOption || plain.length > 2 || Number.isNaN(seed)
  ) {
    return undefined;
  }
  return { name, seed, backendOptions };
}

/** Runs the command; the exit code: 1 for what fails, 2 for a mistake in the words. */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const words = read(args);
  if (!words) {
    console.error(USAGE);
    return 2;
  }
  const { name, ...rest } = words;
  try {
    const specifier = name === "plain"
      ? name
      : backendSpecifier(name, standingPlace());
    adoptImports([specifier]);
    const report = await checkWatched({
      ...rest,
      specifier,
      progress(entry) {
        if (isWorthALine(entry)) console.log(formatEntry(entry));
      },
    });
    if (report) console.log(formatSummary(report));
    return report?.passed ? 0 : 1;
  } catch (error) {
    console.error(messageOf(error));
    return error instanceof BackendError ? 2 : 1;
  }
}

// In a bundle `main` and the URL are those of another.
if (import.meta.main && import.meta.url.endsWith("/conformance/main.ts")) {
  Deno.exit(await main(Deno.args));
}
