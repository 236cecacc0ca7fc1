/**
 * How this program starts a process of its own kind.
 *
 * @module
 */

import type { HttpSettings } from "./http_options.ts";
import { ownPermissions } from "./permissions.ts";

/** An installed package is run as its launcher does: with what is there. */
const packageWords = (): readonly string[] =>
  import.meta.url.includes("/node_modules/")
    ? [
      ...["--no-config", "--no-lock", "--cached-only"],
      "--node-modules-dir=manual",
    ]
    : [];

/** What Deno runs; an installed package of JavaScript has a start of its own. */
const programUrl = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("./main.ts", import.meta.url)
    : new URL(Deno.mainModule);

/**
 * Program and words that run this program with `words`, as this process is run;
 * `http` where it answers HTTP.
 */
export function ownCommand(
  words: readonly string[],
  http?: HttpSettings,
): readonly [string, ...string[]] {
  const url = programUrl();
  return [
    Deno.execPath(),
    "run",
    ...ownPermissions(http),
    ...packageWords(),
    url.href,
    ...words,
  ];
}
