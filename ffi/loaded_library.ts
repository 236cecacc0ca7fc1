/**
 * Libraries that were to be opened: why one is not, and where one lies that is.
 *
 * @module
 */

const MAPPINGS = "/proc/self/maps";

/**
 * The path of an opened library that was named by path or soname; `name` itself
 * where the runtime may not look.
 */
export function loadedPath(name: string): string {
  if (name.includes("/")) return name;
  // Asking beforehand keeps a terminal free of a prompt.
  const permission = Deno.permissions.querySync({ name: "read" });
  if (permission.state !== "granted") return name;
  try {
    const paths = Deno.readTextFileSync(MAPPINGS).match(/\/.*$/gm) ?? [];
    return paths.find((path) =>
      isNamed(path.slice(path.lastIndexOf("/") + 1), name)
    ) ?? name;
  } catch {
    return name;
  }
}

/** Why a library has not been opened: for which of two reasons, and in words. */
export const whyNotOpened = (
  library: string,
  error: unknown,
): ["forbidden" | "absent", string] => [
  error instanceof Deno.errors.NotCapable ? "forbidden" : "absent",
  `Cannot open "${library}": ${error instanceof Error ? error.message : error}`,
];

/** A file's own name may have more of the version than the soname. */
function isNamed(file: string, soname: string): boolean {
  return file === soname || file.startsWith(`${soname}.`);
}
