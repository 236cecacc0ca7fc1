/**
 * Where a person stands who names a backend, or a file, by its path.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder of this clone; of a package from a registry there is none. */
function cloneFolder(): string | undefined {
  const root = new URL("..", import.meta.url);
  return root.protocol === "file:" ? fileURLToPath(root) : undefined;
}

function initialFolder(): string | undefined {
  const variable = "INIT_CWD";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/**
 * The folder that relative paths of backends are relative to, as a URL. A task of
 * this project runs in the clone's folder, and the runtime says where it was
 * called.
 */
export function standingPlace(): URL {
  const folder = `${Deno.cwd()}/`;
  const calledIn = folder === cloneFolder() ? initialFolder() : undefined;
  return pathToFileURL(calledIn === undefined ? folder : `${calledIn}/`);
}

/** Goes there, so that all relative paths are what the person means. */
export function standWithPerson(): void {
  const place = fileURLToPath(standingPlace());
  if (place !== `${Deno.cwd()}/`) Deno.chdir(place);
}
