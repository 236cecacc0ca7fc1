/**
 * Where in a plugin's own files an error was thrown.
 *
 * @module
 */

const FRAME = /((?:file|https?|npm|jsr):[^\s()]+):(\d+):(\d+)\)?$/gm;

/** What calls a plugin, and what it calls: it is not told of those. */
const OURS = [
  "algorithms/",
  "conformance/",
  "memory/",
  "backends/burst_operations.ts",
  "backends/call_watch.ts",
  "backends/contract_check.ts",
  "backends/registry.ts",
].map((path) => new URL(`../${path}`, import.meta.url).href);

const shown = (url: string): string =>
  url.startsWith("file:") ? decodeURIComponent(new URL(url).pathname) : url;

/** `FILE:LINE:COLUMN`; undefined where the stack tells of no such file. */
function whereThrown(error: unknown): string | undefined {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  for (const [, url, line, column] of stack.matchAll(FRAME)) {
    if (OURS.some((path) => url!.startsWith(path))) continue;
    return `${shown(url!)}:${line}:${column}`;
  }
  return undefined;
}

/** An error in one line, with its place. */
export function errorWithPlace(error: unknown): string {
  const [text] = `${error}`.split("\n");
  const place = whereThrown(error);
  return place === undefined || text!.includes(place)
    ? text!
    : `${text} (${place})`;
}
