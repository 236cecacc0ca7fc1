/**
 * Completions for fish.
 *
 * @module
 */

import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import type { CommandEntry } from "../commands.ts";
import type { OptionEntry } from "../options/option_entry.ts";
import { shortHelp } from "./short_help.ts";

const COMPLETE = "complete -c vhost-device-crypto";

const quote = (text: string): string =>
  `'${text.replaceAll(/[\\']/g, "\\$&")}'`;

function valueWords({ value, choices, completes }: OptionEntry): string {
  if (value === undefined) return "";
  if (choices) return ` -x -a ${quote(choices.join(" "))}`;
  switch (completes) {
    case "file":
      return " -r -F";
    case "folder":
      return ' -x -a "(__fish_complete_directories)"';
    case "backend":
      return ` -x -a ${quote(BUILT_IN_BACKENDS.join(" "))}`;
    default:
      return " -x";
  }
}

/** `serve` need not be named. */
function condition(
  { name }: CommandEntry,
  commands: readonly CommandEntry[],
): string {
  if (name !== "serve") return quote(`__fish_seen_subcommand_from ${name}`);
  const others = commands.map((entry) => entry.name)
    .filter((other) => other !== name);
  return quote(`not __fish_seen_subcommand_from ${others.join(" ")}`);
}

function operandLines(
  entry: CommandEntry,
  when: string,
): readonly string[] {
  const { completes } = entry;
  if (completes === undefined) return [];
  return [
    completes === "file"
      ? `${COMPLETE} -n ${when} -F`
      : `${COMPLETE} -n ${when} -a ${quote(completes.join(" "))}`,
  ];
}

function commandLines(
  entry: CommandEntry,
  commands: readonly CommandEntry[],
): readonly string[] {
  const when = condition(entry, commands);
  return [
    `${COMPLETE} -n __fish_use_subcommand -a ${entry.name} -d ${
      quote(entry.help)
    }`,
    ...entry.options.map((option) =>
      `${COMPLETE} -n ${when} -l ${option.name}${valueWords(option)} -d ${
        quote(shortHelp(option.help))
      }`
    ),
    ...operandLines(entry, when),
  ];
}

/** The file that fish finds as `vhost-device-crypto.fish`. */
export function fishCompletions(commands: readonly CommandEntry[]): string {
  const lines = commands.flatMap((entry) => commandLines(entry, commands));
  return `\
# Completions of vhost-device-crypto for fish, written by
# \`vhost-device-crypto completions fish\`.

${COMPLETE} -f
${lines.join("\n")}
`;
}
