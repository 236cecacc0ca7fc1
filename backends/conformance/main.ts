/**
 * `deno task conformance NAME_OR_PATH [SEED]`: runs the conformance kit over a
 * built-in backend or a module of the user's own.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Backend } from "../backend.ts";
import { checkBackend, formatReport } from "./conformance.ts";

const BUILT_IN: Readonly<Record<string, string>> = {
  noble: import.meta.resolve("../noble/noble.ts"),
  openssl: import.meta.resolve("../openssl/openssl.ts"),
  plain: import.meta.resolve("./plain/plain_backend.ts"),
};

const USAGE = `Usage: deno task conformance BACKEND [SEED]
BACKEND is one of ${Object.keys(BUILT_IN).join(", ")}, or a path of a module ` +
  `whose default export is a backend.
SEED is a number that an earlier run printed.`;

async function loadBackend(name: string): Promise<Backend> {
  const url = BUILT_IN[name] ?? pathToFileURL(resolve(name)).href;
  const module: { default?: Backend } = await import(url);
  if (typeof module.default?.open !== "function") {
    throw new TypeError(`Module "${name}" has no backend as default export`);
  }
  return module.default;
}

/** Runs the command; the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, seedText] = args;
  const seed = seedText === undefined ? undefined : Number(seedText);
  if (name === undefined || args.length > 2 || Number.isNaN(seed)) {
    console.error(USAGE);
    return 2;
  }
  try {
    const backend = await loadBackend(name);
    const report = checkBackend(backend, seed === undefined ? {} : { seed });
    console.log(formatReport(report));
    return report.passed ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
