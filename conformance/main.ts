/**
 * The conformance kit as a program, over a built-in backend or a module of the
 * user's own (`deno task conformance NAME_OR_PATH [SEED] [--option NAME=VALUE]...`),
 * and as a library for the tests of a backend.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import type { Backend, BackendOptions } from "../backends/backend.ts";
import {
  backendSpecifier,
  BUILT_IN_BACKENDS,
  loadBackend,
} from "../backends/registry.ts";
import { checkBackend, formatEntry, formatSummary } from "./conformance.ts";

export * from "./conformance.ts";

const USAGE =
  `Usage: deno task conformance BACKEND [SEED] [--option NAME=VALUE]...
BACKEND is one of ${BUILT_IN_BACKENDS.join(", ")}, plain (the kit's own second
opinion), a path or an npm package of a module whose default export is a backend.
SEED is a number that an earlier run printed.
--option gives the backend one of its own options, as in
--option module=/usr/lib/softhsm/libsofthsm2.so.`;

async function load(name: string): Promise<Backend> {
  if (name === "plain") {
    return (await import("./plain/plain_backend.ts")).default;
  }
  const base = pathToFileURL(`${Deno.cwd()}/`);
  return await loadBackend(backendSpecifier(name, base));
}

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
  if (name === undefined || plain.length > 2 || Number.isNaN(seed)) {
    return undefined;
  }
  return { name, seed, backendOptions };
}

/** Runs the command; the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const words = read(args);
  if (!words) {
    console.error(USAGE);
    return 2;
  }
  const { name, seed, backendOptions } = words;
  try {
    const backend = await load(name);
    const report = await checkBackend(backend, {
      backendOptions,
      ...(seed !== undefined && { seed }),
      progress: (entry) => console.log(formatEntry(entry)),
    });
    console.log(formatSummary(report));
    return report.passed ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

// In a bundle `main` and the URL are those of another.
if (import.meta.main && import.meta.url.endsWith("/conformance/main.ts")) {
  Deno.exit(await main(Deno.args));
}
