/**
 * Builds a guest's first file system around programs of another Debian: each with
 * all the libraries that it names, the kernel's modules, and a script to run.
 *
 * @module
 */

import type { CpioEntry } from "../guest/cpio.ts";
import { moduleEntries, run, writeArchive } from "../guest/initramfs.ts";

/** What a guest of peers is made of. */
export interface Image {
  /** Programs and plugins, by their path in the Debian. */
  readonly files: readonly string[];
  /** Libraries that are opened though nothing names them. */
  readonly libraries?: readonly string[];
  /** Files that are no programs, by their path in the guest. */
  readonly data?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** Modules of the kernel, without those they need. */
  readonly modules: readonly string[];
  /** File of this folder that runs once all modules are there. */
  readonly script: string;
}

/** Where the parts of an image are. */
export interface ImageParts {
  /** Folder of an unpacked Debian. */
  readonly root: string;
  readonly busybox: string;
  readonly modulesFolder: string;
}

const LIBRARIES = "x86_64-linux-gnu";
const LOADER = "lib64/ld-linux-x86-64.so.2";

/** Writes the archive of `image` to `path`. */
export async function buildImage(
  path: string,
  image: Image,
  parts: ImageParts,
): Promise<void> {
  const folders = [
    ...["bin", "dev", "proc", "run", "sys", "tmp", "var", "var/run"],
    ...["modules", "lib", "lib64", `lib/${LIBRARIES}`],
  ];
  const found = await filesWithLibraries(parts.root, image);
  const data = Object.entries(image.data ?? {});
  const parents = [...found.keys(), ...data.map(([file]) => file)]
    .flatMap((file) => foldersOf(file));
  const entries: CpioEntry[] = [
    ...[...new Set([...folders, ...parents])].sort()
      .map((folder) => ({ path: folder })),
    await program("init", `${import.meta.dirname}/init.sh`),
    await program("peers.sh", `${import.meta.dirname}/${image.script}`),
    await program("bin/busybox", parts.busybox),
    ...await Promise.all([...found].map(([to, from]) => program(to, from))),
    ...data.map(([path, content]) => ({ path, content })),
    ...await moduleEntries(parts.modulesFolder, image.modules),
  ];
  await writeArchive(path, entries);
}

async function program(path: string, from: string): Promise<CpioEntry> {
  return { path, content: await Deno.readFile(from), executable: true };
}

function foldersOf(file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Paths in the guest, and the host's files that go there. */
async function filesWithLibraries(
  root: string,
  { files, libraries = [] }: Image,
): Promise<Map<string, string>> {
  const folders = await libraryFolders(root);
  const found = new Map([[
    LOADER,
    findLibrary(folders, "ld-linux-x86-64.so.2"),
  ]]);
  const library = (name: string): [string, string] => [
    `lib/${LIBRARIES}/${name}`,
    findLibrary(folders, name),
  ];
  const pending = [
    ...files.map((file): [string, string] => [file, `${root}/${file}`]),
    ...libraries.map(library),
  ];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [to, from] = next;
    if (found.has(to)) continue;
    found.set(to, from);
    const names = await neededLibraries(from);
    pending.push(
      ...names.filter((name) => !name.startsWith("ld-linux")).map(library),
    );
  }
  return found;
}

async function libraryFolders(root: string): Promise<string[]> {
  const candidates = [
    `${root}/lib/${LIBRARIES}`,
    `${root}/usr/lib/${LIBRARIES}`,
  ];
  const folders: string[] = [];
  for (const folder of candidates) {
    try {
      await Deno.stat(folder);
      folders.push(folder);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return folders;
}

function findLibrary(folders: readonly string[], name: string): string {
  for (const folder of folders) {
    try {
      return Deno.realPathSync(`${folder}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find ${name} in ${folders.join(" or ")}`);
}

/** The names that an ELF file's dynamic section asks for. */
async function neededLibraries(file: string): Promise<string[]> {
  const text = new TextDecoder().decode(await run("readelf", ["-d", file]));
  return [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name!);
}
