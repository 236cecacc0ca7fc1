/**
 * How this program starts a process of its own kind.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const PERMISSIONS = [
  "read",
  "write",
  "net",
  "env",
  "run",
  "sys",
  "ffi",
  "import",
] as const;

/** The same permissions as this process has, as far as it has them whole. */
function permissionWords(): string[] {
  return PERMISSIONS.filter((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  ).map((name) => `--allow-${name}`);
}

/** Program and words that run the script at `url` as this process is run. */
export function ownCommand(url: URL): readonly [string, ...string[]] {
  return [
    Deno.execPath(),
    "run",
    ...permissionWords(),
    fileURLToPath(url),
  ];
}
