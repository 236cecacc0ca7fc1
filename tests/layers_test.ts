import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;

/** Room -> rooms that its files may import; its own is always allowed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "algorithms": [],
  "memory": [],
  "ffi": ["memory"],
  "backends": ["algorithms", "memory", "ffi"],
  "device/wire": ["algorithms"],
  "device/ring": ["memory"],
  "device/session": ["device/wire", "algorithms", "backends"],
  "device": [
    "device/wire",
    "device/ring",
    "device/session",
    "algorithms",
    "backends",
    "memory",
  ],
  "device/transport": [
    "device",
    "device/wire",
    "device/ring",
    "device/session",
    "algorithms",
    "backends",
    "memory",
    "ffi",
  ],
  "driver": ["device/wire", "device/ring", "algorithms", "memory", "ffi"],
  "cli": [
    "device/transport",
    "device",
    "device/session",
    "device/wire",
    "backends",
    "algorithms",
    "ffi",
  ],
};

const ROOMS = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);

const roomOf = (path: string): string | undefined =>
  ROOMS.find((room) => path.startsWith(`${room}/`));

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sources(path);
    else if (path.endsWith(".ts") && !path.endsWith("_test.ts")) yield path;
  }
}

/** Examples in comments stand outside the rooms. */
const withoutComments = (text: string): string =>
  text.replaceAll(/^ \*.*$/gm, "");

async function upwardImports(): Promise<string[]> {
  const found: string[] = [];
  for (const top of new Set(ROOMS.map((room) => room.split("/")[0]!))) {
    for await (const path of sources(join(ROOT, top))) {
      const from = relative(ROOT, path);
      const room = roomOf(from)!;
      const text = withoutComments(await Deno.readTextFile(path));
      for (
        const [, specifier] of text.matchAll(
          /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g,
        )
      ) {
        const to = relative(ROOT, join(dirname(path), specifier!));
        const target = roomOf(to);
        const allowed = target !== undefined &&
          (target === room || MAY_IMPORT[room]!.includes(target));
        if (!allowed) found.push(`${from} imports ${to}`);
      }
    }
  }
  return found.sort();
}

Deno.test("no room imports from a room above it", async () => {
  deepStrictEqual(await upwardImports(), []);
});

Deno.test("every room has files that the rule covers", async () => {
  for (const room of ROOMS) {
    let files = 0;
    for await (const _ of sources(join(ROOT, room))) files++;
    ok(files > 0, `${room} is empty: the rule would cover nothing`);
  }
});
