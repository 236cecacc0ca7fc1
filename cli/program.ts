/**
 * What the words behind the program's name ask for.
 *
 * @module
 */

import {
  type CommandName,
  commandNames,
  COMMANDS,
  ISOLATED,
} from "./commands.ts";
import { configuredWords, inFile } from "./config_file.ts";
import { socketsHandedOver } from "./handed_over.ts";
import { nearestName } from "./nearest_name.ts";
import { SERVE_OPTIONS } from "./option_table.ts";
import { UsageError } from "./option_values.ts";
import { parseServeOptions } from "./parse_options.ts";
import { requirePermissions } from "./permissions.ts";
import { print } from "./print.ts";
import { versionLine } from "./version.ts";
import { outputColumns } from "./wrap_text.ts";

/** virtio-crypto under QEMU's back-end conventions (vhost-user.json). */
const CAPABILITIES = { type: "crypto", features: [] };

/** Carries out `work` with the words of the command line and of its file. */
async function configured(
  words: readonly string[],
  work: (words: readonly string[]) => Promise<void>,
): Promise<void> {
  const all = await configuredWords(words);
  try {
    await work(all.words);
  } catch (error) {
    throw inFile(error, all);
  }
}

async function serveCommand(words: readonly string[]): Promise<void> {
  const settings = parseServeOptions(words, socketsHandedOver);
  requirePermissions(settings);
  if (settings.isolate) {
    const { isolate } = await import("./isolate.ts");
    return await isolate(settings, words, socketsHandedOver());
  }
  const { serve } = await import("./serve.ts");
  await serve(settings);
}

/** Whatever is started anew reads the file anew. */
function superviseCommand(words: readonly string[]): Promise<void> {
  const options = words[0] === "--" ? words.slice(1) : words;
  return configured(
    options,
    async (all) => {
      const settings = parseServeOptions(all);
      requirePermissions(settings);
      const { supervise } = await import("./supervise.ts");
      return await supervise(options, settings);
    },
  );
}

type Command = (words: readonly string[]) => void | Promise<void>;

/** Each loads what it needs alone. */
const RUN: Readonly<Record<CommandName, Command>> = {
  serve: (words) => configured(words, serveCommand),
  supervise: superviseCommand,
  async probe(words) {
    const { probeCommand } = await import("./probe.ts");
    await probeCommand(words, print);
  },
  async status(words) {
    const { statusCommand } = await import("./status.ts");
    await statusCommand(words, print);
  },
  async "key-stub"(words) {
    const { keyStubCommand } = await import("./key_stub.ts");
    await keyStubCommand(words, (bytes) => Deno.stdout.writeSync(bytes));
  },
  async completions(words) {
    const { completionsFor } = await import("./completions/completions.ts");
    print(completionsFor(words));
  },
  async man(words) {
    refuseWords(words, "nothing behind man");
    const { manPage } = await import("./man_page.ts");
    print(manPage());
  },
};

function refuseWords([word]: readonly string[], expected: string): void {
  if (word === undefined) return;
  throw new UsageError(
    `Cannot use argument ${JSON.stringify(word)}: expected ${expected}`,
  );
}

/** The help of a command, or of all; an option may stand in its place. */
async function helpOn(command = "help"): Promise<string> {
  const { commandHelpText, helpText } = await import("./help.ts");
  const entry = COMMANDS.find(({ name }) => name === command);
  if (entry === undefined && !/^(-|help$)/.test(command)) {
    throw unknownCommand(command);
  }
  return entry === undefined || entry.options === SERVE_OPTIONS
    ? helpText(outputColumns())
    : commandHelpText(entry, outputColumns());
}

/** What is answered whatever else was said; undefined: nothing is. */
async function answer(words: readonly string[]): Promise<string | undefined> {
  // QEMU's conventions: with this option everything else is ignored.
  if (words.includes("--print-capabilities")) {
    return `${JSON.stringify(CAPABILITIES)}\n`;
  }
  const [command, subject] = words;
  if (command === "help" && subject !== undefined) return await helpOn(subject);
  if (
    command === undefined || command === "help" ||
    words.includes("--help") || words.includes("-h")
  ) return await helpOn(command);
  return words.includes("--version") ? `${versionLine()}\n` : undefined;
}

function unknownCommand(command: string): UsageError {
  const names = COMMANDS.map(({ name }) => name);
  const meant = nearestName(command, names) ?? commandNames();
  return new UsageError(
    `Cannot run command ${JSON.stringify(command)}: expected ${meant}`,
  );
}

/**
 * Carries out a command, or answers.
 *
 * @throws {UsageError} for a mistake of the operator; nothing is started then
 */
export async function runProgram(words: readonly string[]): Promise<void> {
  const text = await answer(words);
  if (text !== undefined) return print(text);
  const [command, ...rest] = words as [string, ...string[]];
  if (command === ISOLATED) {
    const { serveIsolated } = await import("./isolated.ts");
    return await serveIsolated(rest);
  }
  // Without a command the options are those of serve: what a discovery file's
  // binary is called with.
  if (command.startsWith("-")) return await RUN.serve(words);
  const entry = COMMANDS.find(({ name }) => name === command);
  if (!entry) throw unknownCommand(command);
  await RUN[entry.name](rest);
}
