/**
 * A process that serves one socket of many for the process that started it, by a
 * command that nobody else gives:
 *
 *     isolated NAME HANDED_OVER WORD...
 *
 * with the socket's name, what systemd has handed over, and all words of `serve`.
 * It says a word on standard output when it serves, and ends with its standard
 * input. Without a name it only finds out whether all sockets could be served.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";
import type { InheritedDescriptor } from "../keeper/inherited.ts";
import { NOBODY } from "./commands.ts";
import { parseServeOptions } from "./parse_options.ts";
import { checkServe, serve } from "./serve.ts";

/** Settled when whoever started this process is gone. */
async function parentGone(): Promise<void> {
  const bytes = new Uint8Array(1);
  while (await Deno.stdin.read(bytes) !== null);
}

/** Carries out the command with the words behind it. */
export async function serveIsolated(
  [name, handedOver, ...words]: readonly string[],
): Promise<void> {
  const descriptors = JSON.parse(handedOver!) as InheritedDescriptor[];
  const settings = parseServeOptions(words, () => descriptors);
  if (name === NOBODY) return await checkServe(settings);
  for (const { name: other, fd } of settings.sockets) {
    if (other !== name && fd !== undefined) openLibc().close(fd);
  }
  const sockets = settings.sockets.filter((place) => place.name === name);
  await serve({ ...settings, sockets }, {
    isOneOfMany: settings.sockets.length > 1,
    ready: () =>
      void Deno.stdout.writeSync(new TextEncoder().encode("ready\n")),
    stopped: parentGone(),
  });
}
