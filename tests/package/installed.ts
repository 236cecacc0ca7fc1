/**
 * The packages as a user has them: made, and installed into an empty folder.
 * Both are done once for all tests of a file, which get copies.
 *
 * @module
 */

import { join } from "node:path";
import { packLibrary } from "../../packaging/library.ts";
import { packProgram } from "../../packaging/program.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { outputOf } from "./parts.ts";

/** The name by which programs import the library. */
export const LIBRARY = "@vhost-device-crypto/vhost-device-crypto";

/** A folder that has packages installed. */
export interface Project extends AsyncDisposable {
  readonly folder: string;
}

type Make = (folder: string) => Promise<readonly string[]>;

const MAKE_LIBRARY: Make = async (folder) => [await packLibrary(folder)];
const MAKE_PROGRAM: Make = async (folder) => [
  await packLibrary(folder),
  await packProgram(folder),
];

const installations = new Map<Make, Promise<string>>();

async function install(make: Make): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "vhost-crypto-project-" });
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(folder, { recursive: true }),
  );
  const manifest = JSON.stringify({ private: true, type: "module" });
  await Deno.writeTextFile(join(folder, "package.json"), manifest);
  const archives = await make(folder);
  await outputOf("npm", [
    ...["install", "--prefer-offline", "--no-audit", "--no-fund"],
    ...["--loglevel=error", ...archives],
  ], { cwd: folder });
  return folder;
}

async function projectWith(make: Make): Promise<Project> {
  const installation = installations.get(make) ?? install(make);
  installations.set(make, installation);
  const folder = await temporaryFolder();
  await outputOf("cp", ["-r", `${await installation}/.`, folder.path]);
  return {
    folder: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A project that has the library. */
export const projectWithLibrary = (): Promise<Project> =>
  projectWith(MAKE_LIBRARY);

/** A project that has the program, and the library below it. */
export const projectWithProgram = (): Promise<Project> =>
  projectWith(MAKE_PROGRAM);
