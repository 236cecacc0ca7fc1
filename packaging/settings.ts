/**
 * What the packages take from `deno.json`, and the programs that make them.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The fields of `deno.json` that packages are made of. */
export interface Settings {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: {
    readonly include: readonly string[];
    readonly exclude: readonly string[];
  };
}

/** Packages that `cli/` alone imports: whoever uses the library needs none. */
export const PROGRAM_PACKAGES: readonly string[] = [
  "@opentelemetry/api",
  "prom-client",
  "smol-toml",
  "uplot",
];

/** Packages that are needed, and their versions, out of `npm:NAME@VERSION`. */
export function dependencies(
  imports: Settings["imports"],
): [name: string, version: string][] {
  return Object.values(imports).map((specifier) => {
    const at = specifier.lastIndexOf("@");
    return [specifier.slice("npm:".length, at), specifier.slice(at + 1)];
  });
}

export async function readSettings(): Promise<Settings> {
  return JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
}

/** Runs `command` in `cwd`; what it printed. */
export async function run(
  cwd: string,
  command: string,
  ...args: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`${command} ${args.join(" ")}: ${text(stderr)}`);
}

/** Makes the archive of the package in `folder`; its path. */
export async function npmPack(folder: string, output: string): Promise<string> {
  const args = ["--json", "--loglevel=error", "--pack-destination", output];
  const [{ filename }] = JSON.parse(await run(folder, "npm", "pack", ...args));
  return join(output, filename);
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A folder for work in between, which goes when it is disposed of. */
export async function workFolder(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir({ prefix: "vhost-crypto-package-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
