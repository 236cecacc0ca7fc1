/**
 * The programs that tests of packages run, as `fetch.sh` gets them, and how to
 * run one.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "../../testing/files.ts";
import type { RealPart } from "../../testing/real_parts.ts";

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const FETCH = "run tests/package/fetch.sh";

function cacheFolder(): string {
  const own = Deno.env.get("VHOST_CRYPTO_PACKAGE_CACHE");
  if (own) return own;
  const common = Deno.env.get("XDG_CACHE_HOME") ??
    join(Deno.env.get("HOME") ?? "", ".cache");
  return join(common, "vhost-device-crypto", "package");
}

/** A program that a test needs; `testWith` takes it. */
export interface Program extends RealPart {
  readonly path: string;
}

async function fetched(command: string, name: string): Promise<Program> {
  const path = join(cacheFolder(), "node_modules", ".bin", command);
  return { path, name, remedy: FETCH, present: await exists(path) };
}

export const NODE: Program = await fetched("node", "Node 22");
export const BUN: Program = await fetched("bun", "Bun");
export const ESBUILD: Program = await fetched("esbuild", "esbuild");
export const TYPESCRIPT: Program = await fetched("tsc", "TypeScript");

/** npm, with what the packages depend on in its cache. */
export const PACKAGES: RealPart = {
  present: NODE.present,
  name: "packages from npm",
  remedy: FETCH,
};

/** The module that drives Chromium. */
export const PLAYWRIGHT = join(
  ...[cacheFolder(), "node_modules", "playwright-core", "index.mjs"],
);
export const CHROMIUM = "/usr/bin/chromium";

/** Chromium with what drives it. */
export const BROWSER: RealPart = {
  present: NODE.present && await exists(PLAYWRIGHT) && await exists(CHROMIUM),
  name: "Chromium and playwright-core",
  remedy: `${FETCH} and install chromium`,
};

/** What stands on a page once its button has been pressed. */
export interface Visit {
  /** Of the element that was waited for. */
  readonly text: string;
  /** Errors and warnings in the console. */
  readonly complaints: readonly string[];
  /** Whether the page may have a SharedArrayBuffer. */
  readonly isIsolated: boolean;
}

/** Presses `button` on a page and waits until `output` matches `pattern`. */
export async function visit(
  url: string,
  button: string,
  output: string,
  pattern: string,
): Promise<Visit> {
  const script = join(ROOT, "tests/package/visit.js");
  const args = [script, PLAYWRIGHT, CHROMIUM, url, button, output, pattern];
  return JSON.parse(await outputOf(NODE.path, args));
}

/** How a process ended. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and in which environment a process runs. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `command` to its end. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = {} }: Surroundings = {},
): Promise<Ending> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Like {@linkcode run}, and what the process printed; it must succeed. */
export async function outputOf(
  command: string,
  args: readonly string[],
  surroundings?: Surroundings,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, surroundings);
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr}`);
}
