/**
 * The program: `serve`, `supervise`, `probe`, `key-stub` and help. Who imports it gets {@linkcode main},
 * and nothing is started.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import { socketsHandedOver } from "./handed_over.ts";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { keyStubCommand } from "./key_stub.ts";
import { optionsAsText } from "./option_table.ts";
import { complain, endWithUsageError, UsageError } from "./option_values.ts";
import { parseServeOptions } from "./parse_options.ts";
import { probeCommand } from "./probe.ts";
import { ISOLATED, serveIsolated } from "./isolated.ts";
import { isolate } from "./isolate.ts";
import { serve } from "./serve.ts";
import { supervise } from "./supervise.ts";

/** What is offered with `--allow-weak` only, and why. */
function weakAlgorithms(): string {
  return ALGORITHMS.filter(({ weakness }) => weakness !== undefined)
    .map((one) => `  ${qualifiedName(one).padEnd(16)}  ${one.weakness}`)
    .join("\n");
}

const helpText = (): string =>
  `\
usage: deno run -A cli/main.ts serve --socket-path PATH [OPTION]...
       deno run -A cli/main.ts supervise -- --socket-path PATH [OPTION]...
       deno run -A cli/main.ts probe [--json] [OPTION of a backend]...
       deno run -A cli/main.ts key-stub PUBLIC.pem [OUTPUT]

serve      runs a virtio-crypto device for virtual machines on vhost-user sockets
supervise  runs serve in a process of its own, and again when that dies or fails
probe      shows which algorithms each backend offers here, or why not
key-stub   writes what a guest opens a session with, instead of a private key

Options of serve:
${optionsAsText()}

Weak algorithms, off unless --allow-weak is given:
${weakAlgorithms()}

Backends: ${BUILT_IN_BACKENDS.join(", ")}
`;

/** virtio-crypto under QEMU's back-end conventions (vhost-user.json). */
const CAPABILITIES = { type: "crypto", features: [] };

/** Exit code where the answer cannot be written. */
const EXIT_UNWRITTEN = 1;

/** Writes a whole text; nobody may be there to read it. */
function print(text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) {
      bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
    }
  } catch (error) {
    const isClosed = error instanceof Deno.errors.BrokenPipe;
    if (!isClosed) complain(`Cannot write to standard output: ${error}`);
    Deno.exit(EXIT_UNWRITTEN);
  }
}

async function run(words: readonly string[]): Promise<void> {
  // QEMU's conventions: with this option everything else is ignored.
  if (words.includes("--print-capabilities")) {
    return print(`${JSON.stringify(CAPABILITIES)}\n`);
  }
  const [command, ...rest] = words;
  if (command === undefined || command === "help" || rest.includes("--help")) {
    return print(helpText());
  }
  if (command === ISOLATED) return await serveIsolated(rest);
  if (command === "probe") return await probeCommand(rest, print);
  if (command === "key-stub") {
    return keyStubCommand(rest, (bytes) => Deno.stdout.writeSync(bytes));
  }
  if (command === "supervise") return await supervise(rest);
  // Without a command the options are those of serve: what a discovery file's
  // binary is called with.
  const options = command === "serve" ? rest : words;
  if (command !== "serve" && !command.startsWith("-")) {
    throw new UsageError(
      `Cannot run command ${
        JSON.stringify(command)
      }: expected serve, supervise, probe or key-stub`,
    );
  }
  const request = parseServeOptions(options, socketsHandedOver);
  switch (request.action) {
    case "help":
      return print(helpText());
    case "serve":
      return request.settings.isolate
        ? await isolate(request.settings, options, socketsHandedOver())
        : await serve(request.settings);
  }
}

/**
 * Runs the program; a mistake is one line on standard error and ends the process
 * with exit code 2.
 *
 * @param words what stands on the command line after the program's name
 */
export async function main(words: readonly string[]): Promise<void> {
  try {
    await run(words);
  } catch (error) {
    endWithUsageError(error);
  }
}

// Not awaited: a plugin that imports this module would wait for it, and it for
// the plugin. In a bundle `main` and the URL are those of another.
if (import.meta.main && import.meta.url.endsWith("/cli/main.ts")) {
  void main(Deno.args);
}
