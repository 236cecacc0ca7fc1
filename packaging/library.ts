/**
 * The library as a package for npm: JavaScript and types, made by `deno pack`.
 *
 * @module
 */

import { dirname, join } from "node:path";
import {
  dependencies,
  npmPack,
  PROGRAM_PACKAGES,
  readSettings,
  ROOT,
  run,
  type Settings,
  workFolder,
  writeJson,
} from "./settings.ts";

/** Where a thread or a process begins: no import leads there. */
const BEGIN = /new URL\("\.\/([a-z_]+)\.ts", import\.meta\.url\)/g;

const DESCRIPTION =
  "virtio-crypto device and driver in TypeScript, in process and over vhost-user";
const KEYWORDS = ["virtio", "virtio-crypto", "vhost-user", "crypto", "noble"];

/** What the library needs is installed with it, what the program alone needs not. */
function dependenciesOf(imports: Settings["imports"]) {
  const all = dependencies(imports);
  const ofProgram = all.filter(([name]) => PROGRAM_PACKAGES.includes(name));
  return {
    dependencies: Object.fromEntries(
      all.filter(([name]) => !PROGRAM_PACKAGES.includes(name)),
    ),
    peerDependencies: Object.fromEntries(ofProgram),
    peerDependenciesMeta: Object.fromEntries(
      ofProgram.map(([name]) => [name, { optional: true }]),
    ),
  };
}

/** Copies what is published to `folder`, but for the file of settings. */
async function copySources(
  folder: string,
  { publish }: Settings,
): Promise<void> {
  for (const name of publish.include) {
    const target = join(folder, name);
    await Deno.mkdir(dirname(target), { recursive: true });
    await run(ROOT, "cp", "-r", name, target);
  }
}

async function filesIn(folder: string, extension: string): Promise<string[]> {
  const found = await run(folder, "find", ".", "-name", `*${extension}`);
  return found.trim().split("\n");
}

/** The files where they begin, which `deno pack` has to be told of. */
async function beginsIn(folder: string): Promise<string[]> {
  const begins: string[] = [];
  for (const path of await filesIn(folder, ".ts")) {
    if (path.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(join(folder, path));
    for (const [, name] of text.matchAll(BEGIN)) {
      begins.push(`${dirname(path)}/${name}.ts`);
    }
  }
  return begins;
}

/** Lets `deno pack` make the package; the folder that it is in. */
async function denoPack(work: string, settings: Settings): Promise<string> {
  const sources = join(work, "sources");
  await Deno.mkdir(sources);
  await copySources(sources, settings);
  const begins = (await beginsIn(sources)).map((path) => [path, path])
    .filter(([, path]) => !Object.values(settings.exports).includes(path!));
  await writeJson(join(sources, "deno.json"), {
    ...settings,
    exports: { ...settings.exports, ...Object.fromEntries(begins) },
  });
  const archive = join(work, "package.tgz");
  const args = ["-q", "--allow-dirty", "--no-source-maps", "-o", archive];
  await run(sources, Deno.execPath(), "pack", ...args);
  await run(work, "tar", "-x", "-z", "-f", archive);
  return join(work, "package");
}

/** They begin in JavaScript, too; `deno pack` leaves their names alone. */
async function renameBegins(folder: string): Promise<void> {
  for (const file of await filesIn(folder, ".js")) {
    const path = join(folder, file);
    const text = await Deno.readTextFile(path);
    const renamed = text.replaceAll(
      BEGIN,
      (begin, name) => begin.replace(`${name}.ts`, `${name}.js`),
    );
    if (renamed !== text) await Deno.writeTextFile(path, renamed);
  }
}

/** What `deno pack` does not know of a package. */
async function completeManifest(
  folder: string,
  { exports, imports }: Settings,
): Promise<void> {
  const path = join(folder, "package.json");
  const manifest = JSON.parse(await Deno.readTextFile(path));
  await writeJson(path, {
    ...manifest,
    exports: Object.fromEntries(
      Object.keys(exports).map((name) => [name, manifest.exports[name]]),
    ),
    description: DESCRIPTION,
    keywords: KEYWORDS,
    engines: { node: ">=22" },
    sideEffects: false,
    ...dependenciesOf(imports),
  });
}

/** Makes the archive in `output`; its path. */
export async function packLibrary(output: string): Promise<string> {
  const settings = await readSettings();
  await using work = await workFolder();
  const folder = await denoPack(work.path, settings);
  await renameBegins(folder);
  await completeManifest(folder, settings);
  await Deno.copyFile(
    join(ROOT, "packaging/library/README.md"),
    join(folder, "README.md"),
  );
  return await npmPack(folder, output);
}
