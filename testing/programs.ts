/**
 * Programs of the machine that tests need.
 *
 * @module
 */

import type { RealPart } from "./real_parts.ts";

/** A program that is found along PATH; Debian's package has its name, or `from`. */
export function program(name: string, from = name): RealPart {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return {
    present: folders.some((folder) => isFile(`${folder}/${name}`)),
    name,
    remedy: `install ${from}`,
  };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
