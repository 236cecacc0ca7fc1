import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;

/** Room -> rooms that its files may import; its own is always allowed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "algorithms": [],
  "memory": [],
  "ffi": ["memory"],
  "backends": ["algorithms", "memory", "ffi"],
  "conformance": ["algorithms", "memory", "backends"],
  "device/wire": ["algorithms"],
  "device/ring": ["memory"],
  "device/keys": ["algorithms", "backends", "memory"],
  "device/session": ["device/keys", "device/wire", "algorithms", "backends"],
  "device/state": ["device/session", "device/wire", "algorithms"],
  "device/lane": ["device/session", "algorithms", "backends", "memory", "ffi"],
  "device/ipsec": ["device/wire", "algorithms", "memory"],
  "device": [
    "device/wire",
    "device/ipsec",
    "device/ring",
    "device/keys",
    "device/session",
    "algorithms",
    "backends",
    "memory",
  ],
  "device/transport": [
    "device",
    "device/keys",
    "device/lane",
    "device/wire",
    "device/ring",
    "device/session",
    "device/state",
    "algorithms",
    "backends",
    "memory",
    "ffi",
  ],
  "driver": ["device/wire", "device/ring", "algorithms", "memory", "ffi"],
  "keeper": ["ffi"],
  "cli": [
    "keeper",
    "device/transport",
    "device",
    "device/keys",
    "device/lane",
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

/** What `path` names by `pattern`, from the top folder on. */
async function namedBy(path: string, pattern: RegExp): Promise<string[]> {
  const text = withoutComments(await Deno.readTextFile(join(ROOT, path)));
  return [...text.matchAll(pattern)].map(([, specifier]) =>
    join(dirname(path), specifier!)
  );
}

/** All files that `path` imports, only types of them, too. */
const importsOf = (path: string): Promise<string[]> =>
  namedBy(path, /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);

/** All files that begin in `paths`, workers and modules loaded later, too. */
async function reachedFrom(paths: readonly string[]): Promise<Set<string>> {
  const found = new Set(paths);
  for (const path of found) {
    for (const to of await namedBy(path, /"(\.[^"\s]*\.ts)"/g)) found.add(to);
  }
  return found;
}

async function filesIn(tops: Iterable<string>): Promise<string[]> {
  const found: string[] = [];
  for (const top of tops) {
    for await (const path of sources(join(ROOT, top))) {
      found.push(relative(ROOT, path));
    }
  }
  return found.sort();
}

/** Where the program and its tools begin. */
const ENTRIES = [
  "mod.ts",
  "cli/main.ts",
  "conformance/main.ts",
  "cli/write_readme.ts",
];

const topOf = (room: string) => room.split("/")[0]!;

async function upwardImports(): Promise<string[]> {
  const found: string[] = [];
  for (const from of await filesIn(new Set(ROOMS.map(topOf)))) {
    const room = roomOf(from)!;
    for (const to of await importsOf(from)) {
      const target = roomOf(to);
      const allowed = target !== undefined &&
        (target === room || MAY_IMPORT[room]!.includes(target));
      if (!allowed) found.push(`${from} imports ${to}`);
    }
  }
  return found;
}

/** A circle of imports for each file that is found to close one. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    if (way.includes(path)) {
      found.push([...way.slice(way.indexOf(path)), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    done.add(path);
    way.push(path);
    for (const to of graph.get(path) ?? []) visit(to);
    way.pop();
  };
  for (const path of graph.keys()) visit(path);
  return found;
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

Deno.test("a room holds the program: what only tests use is in testing/", async () => {
  const reached = await reachedFrom(ENTRIES);
  const files = await filesIn(new Set(ROOMS.map(topOf)));
  deepStrictEqual(files.filter((path) => !reached.has(path)), []);
});

Deno.test("every room is published", async () => {
  const config = await Deno.readTextFile(join(ROOT, "deno.json"));
  const { include } = JSON.parse(config).publish;
  deepStrictEqual(
    [...new Set(ROOMS.map(topOf))].filter((room) => !include.includes(room)),
    [],
  );
});

Deno.test("a room names its packages with the versions of deno.json, for those who import it by path", async () => {
  const config = await Deno.readTextFile(join(ROOT, "deno.json"));
  const pinned = new Set(Object.values<string>(JSON.parse(config).imports));
  const found: string[] = [];
  for (const file of await filesIn(new Set(ROOMS.map(topOf)))) {
    const text = withoutComments(await Deno.readTextFile(join(ROOT, file)));
    const named = text.matchAll(
      /(?:from|import)\s*\(?\s*"((?!\.|node:)@?[^"\s,]+)"/g,
    );
    for (const [, specifier] of named) {
      const name = /^npm:@?[^@]+@[^/]+/.exec(specifier!)?.[0] ?? "";
      if (!pinned.has(name)) found.push(`${file} imports ${specifier}`);
    }
  }
  deepStrictEqual(found, []);
});

/** Rooms that only run where Deno is. */
const ONLY_DENO =
  /^(cli|ffi|device\/transport\/vhost_user|driver\/vhost_user|backends\/(?!noble|webcrypto)[a-z0-9_]+)\//;

/** Of the language, and not yet in Node 22. */
const TOO_NEW =
  /\.(?:to|from|setFrom)(?:Hex|Base64)\(|\busing \w+ =|DisposableStack\(|RegExp\.escape\(|Promise\.try\(|Error\.isError\(|\.getOrInsert/g;

Deno.test("what other runtimes run uses nothing that Node 22 lacks", async () => {
  const found: string[] = [];
  for (const file of await filesIn(new Set(ROOMS.map(topOf)))) {
    if (ONLY_DENO.test(file)) continue;
    const text = withoutComments(await Deno.readTextFile(join(ROOT, file)));
    for (const [word] of text.matchAll(TOO_NEW)) found.push(`${file}: ${word}`);
  }
  deepStrictEqual(found, []);
});

Deno.test("no file imports itself by way of others, not even a type", async () => {
  const files = await filesIn([
    ...new Set([...ROOMS.map(topOf), "bench", "examples", "testing", "tests"]),
  ]);
  const graph = new Map<string, string[]>();
  for (const path of files) graph.set(path, await importsOf(path));
  deepStrictEqual(circles(graph), []);
});

Deno.test("a circle is found from wherever the search comes to it", () => {
  const graph = new Map([
    ["a", ["b", "c"]],
    ["b", ["d"]],
    ["c", ["b"]],
    ["d", ["c"]],
  ]);
  deepStrictEqual(circles(graph), ["b -> d -> c -> b"]);
});
