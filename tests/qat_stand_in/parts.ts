/**
 * Where the tests find libqat: the real library and headers as `fetch.sh` gets
 * them, and the stand-in built against those headers.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const HEADERS = "usr/include/qat";
const REMEDY = "run tests/qat_stand_in/fetch.sh and install gcc and libssl-dev";

/** Something that a test needs; `testWith` takes it. */
export interface Part {
  readonly present: boolean;
  readonly name: string;
  readonly remedy: string;
}

function cacheFolder(): string {
  const own = Deno.env.get("VHOST_CRYPTO_QAT_CACHE");
  if (own) return own;
  const common = Deno.env.get("XDG_CACHE_HOME") ??
    join(Deno.env.get("HOME") ?? "", ".cache");
  return join(common, "vhost-device-crypto", "qat");
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The fetched headers, oldest first, with a compiler for them. */
export function headerFolders(): Part & { readonly folders: string[] } {
  const folders = ["qat-24.02", "qat-26.08"]
    .map((name) => join(cacheFolder(), name, HEADERS))
    .filter(exists);
  const present = folders.length > 0 && hasCompiler();
  return { present, name: "libqat's headers and gcc", remedy: REMEDY, folders };
}

function hasCompiler(): boolean {
  try {
    return new Deno.Command("gcc", { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Paths of a libqat and the libusdm that belongs to it. */
export interface Libraries {
  readonly library: string;
  readonly usdm: string;
}

function librariesIn(folder: string): Libraries {
  return {
    library: join(folder, "libqat.so.4"),
    usdm: join(folder, "libusdm.so.0"),
  };
}

/** The real library of 24.02. */
export function realLibraries(): Part & { readonly libraries: Libraries } {
  const root = join(cacheFolder(), "qat-24.02/usr/lib");
  const folder = join(root, `${Deno.build.arch}-linux-gnu`);
  const libraries = librariesIn(folder);
  const present = exists(libraries.library);
  return { present, name: "the real libqat", remedy: REMEDY, libraries };
}

function sourceDigest(): string {
  let digest = 0;
  const names = [...Deno.readDirSync(HERE)].map(({ name }) => name).sort();
  for (const name of names.filter((one) => /\.(c|h|sh)$/.test(one))) {
    for (const character of Deno.readTextFileSync(join(HERE, name))) {
      digest = (Math.imul(digest, 31) + character.codePointAt(0)!) >>> 0;
    }
  }
  return digest.toString(16);
}

/** Builds the stand-in, once for each state of its sources. */
export function standIn(): Part & { readonly libraries: Libraries } {
  const headers = headerFolders();
  const folder = join(cacheFolder(), `stand-in-${sourceDigest()}`);
  const libraries = librariesIn(folder);
  const part = { name: "the QAT stand-in", remedy: REMEDY, libraries };
  if (exists(libraries.library)) return { ...part, present: true };
  if (!headers.present) return { ...part, present: false };
  const { success, stderr } = new Deno.Command(join(HERE, "build.sh"), {
    args: [headers.folders[0]!, folder],
  }).outputSync();
  if (success) return { ...part, present: true };
  const [reason] = new TextDecoder().decode(stderr).split("\n");
  return { ...part, present: false, remedy: `${REMEDY}: ${reason}` };
}
