/**
 * Builds the guest's first file system: busybox, the kernel modules in loading order,
 * the test program compiled from this folder's C files, and init.sh.
 *
 * @module
 */

import { dirname } from "node:path";
import { cpioArchive, type CpioEntry } from "./cpio.ts";
import type { GuestParts } from "./guest_parts.ts";

const MODULES: readonly string[] = [
  "virtio_pci",
  "virtio_crypto",
  "af_alg",
  "algif_skcipher",
  "algif_hash",
  "algif_aead",
  "pkcs8_key_parser",
];

const PROGRAM_SOURCES = [
  "guest_test.c",
  "guest_cipher.c",
  "guest_aes.c",
  "guest_rsa.c",
  "guest_key_stub.c",
  "guest_suspend.c",
];

interface KernelModule {
  readonly name: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Answers the path of the finished archive, which is replaced whole or not at all. */
export async function buildInitramfs(parts: GuestParts): Promise<string> {
  const [program, modules] = await Promise.all([
    compileProgram(),
    moduleEntries(parts.modulesFolder, MODULES),
  ]);
  const entries: CpioEntry[] = [
    ...["bin", "dev", "proc", "sys", "modules"].map((path) => ({ path })),
    { path: "init", content: await readHere("init.sh"), executable: true },
    {
      path: "bin/busybox",
      content: await Deno.readFile(parts.busybox),
      executable: true,
    },
    { path: "bin/guest_test", content: program, executable: true },
    ...modules,
  ];
  const path = `${parts.cache}/initramfs.cpio`;
  await writeArchive(path, entries);
  return path;
}

/** Replaces the archive at `path` whole or not at all. */
export async function writeArchive(
  path: string,
  entries: readonly CpioEntry[],
): Promise<void> {
  const unfinished = await Deno.makeTempFile({
    dir: dirname(path),
    prefix: "initramfs-",
  });
  await Deno.writeFile(unfinished, cpioArchive(entries));
  await Deno.rename(unfinished, path);
}

function here(name: string): string {
  return `${import.meta.dirname}/${name}`;
}

function readHere(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(here(name));
}

async function compileProgram(): Promise<Uint8Array<ArrayBuffer>> {
  const output = await Deno.makeTempFile({ prefix: "guest_test-" });
  try {
    await run("gcc", [
      ..."-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -pthread"
        .split(" "),
      ...["-o", output],
      ...PROGRAM_SOURCES.map(here),
    ]);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(output);
  }
}

/** `names` and what they depend on, numbered in their loading order. */
export async function moduleEntries(
  folder: string,
  names: readonly string[],
): Promise<CpioEntry[]> {
  const modules = await modulesInLoadingOrder(folder, names);
  return modules.map(({ name, content }, index) => ({
    path: `modules/${String(index).padStart(2, "0")}-${name}.ko`,
    content,
  }));
}

/** Each module after those it depends on; one built into the kernel is left out. */
async function modulesInLoadingOrder(
  folder: string,
  names: readonly string[],
): Promise<KernelModule[]> {
  const files = await moduleFiles(`${folder}/kernel`);
  const builtin = await Deno.readTextFile(`${folder}/modules.builtin`);
  const ordered = new Map<string, KernelModule>();

  async function add(name: string): Promise<void> {
    if (ordered.has(name)) return;
    const file = files.get(name);
    if (file === undefined) {
      if (moduleNames(builtin).has(name)) return;
      throw new Error(`The kernel in ${folder} has no module "${name}"`);
    }
    const content = await run("xz", ["-dc", file]);
    for (const dependency of dependencies(content)) await add(dependency);
    ordered.set(name, { name, content });
  }

  for (const name of names) await add(name);
  return [...ordered.values()];
}

async function moduleFiles(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      for (const [name, file] of await moduleFiles(path)) files.set(name, file);
    } else if (entry.name.endsWith(".ko.xz")) {
      files.set(moduleName(entry.name), path);
    }
  }
  return files;
}

function moduleNames(paths: string): Set<string> {
  return new Set(paths.split("\n").map(moduleName));
}

/** File names have dashes where the kernel's own names have underscores. */
function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return file.replace(/\.ko(\.xz)?$/, "").replaceAll("-", "_");
}

/** A module's .modinfo section says "depends=a,b" among other NUL-terminated strings. */
function dependencies(content: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(content);
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return names.split(",").filter((name) => name !== "").map(moduleName);
}

/** What `command` says; throws where it fails. */
export async function run(
  command: string,
  args: string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const output = await new Deno.Command(command, { args, stderr: "piped" })
    .output();
  if (output.success) return output.stdout;
  throw new Error(
    `${command} failed: ${new TextDecoder().decode(output.stderr)}`,
  );
}
