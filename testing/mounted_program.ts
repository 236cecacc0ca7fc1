/**
 * The program where any user can read it, or none but root: in a mount namespace
 * that has the clone and what Deno has cached at other places.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  type PermissionSettings,
  permissionWords,
} from "../cli/permissions.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const MOUNT = `
set -e
mount -t tmpfs -o mode="$1" tmpfs /mnt
mkdir /mnt/clone /mnt/cache
mount --bind "$2" /mnt/clone
mount --bind "$3" /mnt/cache
export DENO_DIR=/mnt/cache
shift 3
exec "$@"
`;

/** Where Deno has what it has fetched. */
export async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/**
 * What the words of the command line follow, with `mode` for the folder that all
 * is in. Needs root.
 */
export async function mountedProgram(
  mode: "755" | "700",
  settings: PermissionSettings = { isolate: false },
): Promise<[string, ...string[]]> {
  return [
    "unshare",
    ...["--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh"],
    ...[mode, ROOT, await denoFolder(), Deno.execPath(), "run"],
    ...permissionWords(settings),
    "/mnt/clone/cli/main.ts",
  ];
}
