/**
 * Plugins with a `deno.json` of their own. The runtime takes names of imports from
 * one configuration, that of the program; so the program starts anew, in the same
 * process, with the names of each plugin for that plugin's folder.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { replaceProgram, startWords } from "../ffi/libc_exec.ts";

type Names = Readonly<Record<string, string>>;

/** Where names of imports stand for what. */
interface Configuration {
  /** Of the folder that they hold in. */
  readonly scope: string;
  readonly names: Names;
}

const OPTION = "--import-map=data:application/json,";
const FILES = ["deno.json", "deno.jsonc"];
/** What runs files of ours. */
const RUNNERS: ReadonlySet<string | undefined> = new Set(["run", "bench"]);

/** Strings as they are; comments, and commas before an end, away. */
const withoutComments = (text: string): string =>
  text.replace(/("(?:\\.|[^"\\])*")|\/\/.*|\/\*[^]*?\*\//g, "$1")
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, "$1");

function read(path: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(withoutComments(Deno.readTextFileSync(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The nearest file above `path`, with its content. */
function nearest(path: string): [string, Record<string, unknown>] | undefined {
  for (let folder = dirname(path);; folder = dirname(folder)) {
    for (const file of FILES) {
      const found = read(join(folder, file));
      if (found) return [join(folder, file), found];
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** As the runtime has it: packages stand for what is in them, too. */
function namesOf(imports: Names, base: URL): Names {
  const names: Record<string, string> = {};
  for (const [name, target] of Object.entries(imports)) {
    names[name] = /^\.{0,2}\//.test(target)
      ? new URL(target, base).href
      : target;
    const [, scheme, rest] = /^(npm|jsr):([^/].*[^/])$/.exec(target) ?? [];
    if (scheme) names[`${name}/`] ??= `${scheme}:/${rest}/`;
  }
  return names;
}

function configurationOf(specifier: string): Configuration | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const own = new URL("..", import.meta.url).href;
  if (specifier.startsWith(own)) return undefined;
  const [path, content] = nearest(fileURLToPath(specifier)) ?? [];
  if (path === undefined || !content) return undefined;
  const { imports, importMap } = content as {
    imports?: Names;
    importMap?: string;
  };
  const file = importMap === undefined ? path : join(dirname(path), importMap);
  const given = importMap === undefined ? imports : read(file)?.["imports"];
  if (!given) return undefined;
  return {
    scope: new URL(".", pathToFileURL(path)).href,
    names: namesOf(given as Names, pathToFileURL(file)),
  };
}

/** Whether this program has the names already: the plugin's folder started it. */
const isInForce = ({ names }: Configuration): boolean =>
  Object.entries(names).every(([name, target]) => {
    if (name.endsWith("/")) return true;
    try {
      return import.meta.resolve(name) === target;
    } catch {
      return false;
    }
  });

/** Without files or native calls imports are what they are. */
const mayLook = (): boolean =>
  (["read", "ffi"] as const).every((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );

/**
 * Sees to it that each backend finds its imports. Returns where they have nothing
 * to be seen to; else the program begins anew. Nothing may have been started.
 */
export function adoptImports(specifiers: readonly string[]): void {
  if (!mayLook()) return;
  const found = specifiers.map(configurationOf)
    .filter((one) => one !== undefined && !isInForce(one));
  if (found.length === 0) return;
  const words = startWords();
  if (!RUNNERS.has(words[1])) return;
  const adopted = adoptedScopes(words);
  if (!adopted || found.every((one) => one!.scope in adopted)) return;
  const scopes = {
    ...adopted,
    ...Object.fromEntries(found.map((one) => [one!.scope, one!.names])),
  };
  const imports = namesOfStart(words);
  const map = encodeURIComponent(JSON.stringify({ imports, scopes }));
  const rest = words.slice(2).filter((word) => !word.startsWith(OPTION));
  replaceProgram(Deno.execPath(), [
    ...words.slice(0, 2),
    ...(imports ? ["--no-config"] : []),
    `${OPTION}${map}`,
    ...rest,
  ]);
}

/**
 * The names of the person's folder, where the program was started by one of them.
 * They have to be in the map: beside one, those of a configuration do not count,
 * and Deno 2.9 panics over some.
 */
function namesOfStart(words: readonly string[]): Names | undefined {
  const here = pathToFileURL(join(Deno.cwd(), "main.ts")).href;
  const names = configurationOf(here)?.names ?? {};
  const isStart = (word: string) => names[word] === Deno.mainModule;
  return words.some(isStart) ? names : undefined;
}

/** What this did before; undefined where somebody else has given a map. */
function adoptedScopes(
  words: readonly string[],
): Readonly<Record<string, Names>> | undefined {
  const given = words.find((word) => word.startsWith("--import-map"));
  if (given === undefined) return {};
  if (!given.startsWith(OPTION)) return undefined;
  return JSON.parse(decodeURIComponent(given.slice(OPTION.length))).scopes;
}
