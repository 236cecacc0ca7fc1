/**
 * What the words behind the program's name ask for.
 *
 * @module
 */

import { type CommandName, commandNames, COMMANDS } from "./commands.ts";
import { completionsFor } from "./completions/completions.ts";
import { configuredWords, inFile } from "./config_file.ts";
import { socketsHandedOver } from "./handed_over.ts";
import { commandHelpText, helpText } from "./help.ts";
import { ISOLATED, serveIsolated } from "./isolated.ts";
import { isolate } from "./isolate.ts";
import { keyStubCommand } from "./key_stub.ts";
import { manPage } from "./man_page.ts";
import { nearestName } from "./nearest_name.ts";
import { SERVE_OPTIONS } from "./option_table.ts";
import { UsageError } from "./option_values.ts";
import { parseServeOptions } from "./parse_options.ts";
import { requirePermissions } from "./permissions.ts";
import { print } from "./print.ts";
import { probeCommand } from "./probe.ts";
import { serve } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { supervise } from "./supervise.ts";
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
  await (settings.isolate
    ? isolate(settings, words, socketsHandedOver())
    : serve(settings));
}

/** Whatever is started anew reads the file anew. */
function superviseCommand(words: readonly string[]): Promise<void> {
  const options = words[0] === "--" ? words.slice(1) : words;
  return configured(
    options,
    (all) => {
      const settings = parseServeOptions(all);
      requirePermissions(settings);
      return supervise(options, settings);
    },
  );
}

type Command = (words: readonly string[]) => void | Promise<void>;

const RUN: Readonly<Record<CommandName, Command>> = {
  serve: (words) => configured(words, serveCommand),
  supervise: superviseCommand,
  probe: (words) => probeCommand(words, print),
  status: (words) => statusCommand(words, print),
  "key-stub": (words) =>
    keyStubCommand(words, (bytes) => Deno.stdout.writeSync(bytes)),
  completions: (words) => print(completionsFor(words)),
  man: (words) => {
    refuseWords(words, "nothing behind man");
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
function helpOn(command = "help"): string {
  const entry = COMMANDS.find(({ name }) => name === command);
  if (entry === undefined && !/^(-|help$)/.test(command)) {
    throw unknownCommand(command);
  }
  return entry === undefined || entry.options === SERVE_OPTIONS
    ? helpText(outputColumns())
    : commandHelpText(entry, outputColumns());
}

/** What is answered whatever else was said; undefined: nothing is. */
function answer(words: readonly string[]): string | undefined {
  // QEMU's conventions: with this option everything else is ignored.
  if (words.includes("--print-capabilities")) {
    return `${JSON.stringify(CAPABILITIES)}\n`;
  }
  const [command, subject] = words;
  if (command === "help" && subject !== undefined) return helpOn(subject);
  if (
    command === undefined || command === "help" ||
    words.includes("--help") || words.includes("-h")
  ) return helpOn(command);
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
  const text = answer(words);
  if (text !== undefined) return print(text);
  const [command, ...rest] = words as [string, ...string[]];
  if (command === ISOLATED) return await serveIsolated(rest);
  // Without a command the options are those of serve: what a discovery file's
  // binary is called with.
  if (command.startsWith("-")) return await RUN.serve(words);
  const entry = COMMANDS.find(({ name }) => name === command);
  if (!entry) throw unknownCommand(command);
  await RUN[entry.name](rest);
}
