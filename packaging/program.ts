/**
 * The program as a package for npm: the library, Deno, and what starts the one
 * with the other.
 *
 * @module
 */

import { join } from "node:path";
import {
  dependencies,
  npmPack,
  PROGRAM_PACKAGES,
  readSettings,
  ROOT,
  run,
  workFolder,
  writeJson,
} from "./settings.ts";

const NAME = "vhost-device-crypto";
const DENO_VERSION = "2.9.6";

/** Makes the archive in `output`; its path. */
export async function packProgram(output: string): Promise<string> {
  const { name, version, license, imports } = await readSettings();
  await using work = await workFolder();
  const folder = join(work.path, "package");
  await run(ROOT, "cp", "-r", "packaging/program", folder);
  await Deno.copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  await writeJson(join(folder, "package.json"), {
    name: NAME,
    version,
    description: "virtio-crypto device for virtual machines, over vhost-user",
    license,
    type: "module",
    os: ["linux"],
    bin: { [NAME]: `./${NAME}` },
    dependencies: {
      [name]: version,
      deno: DENO_VERSION,
      ...Object.fromEntries(
        dependencies(imports).filter(([one]) => PROGRAM_PACKAGES.includes(one)),
      ),
    },
  });
  return await npmPack(folder, output);
}
