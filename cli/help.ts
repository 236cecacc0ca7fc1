/**
 * What `--help` answers.
 *
 * @module
 */

import { ALGORITHMS, qualifiedName } from "../algorithms/catalogue.ts";
import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { type CommandEntry, COMMANDS } from "./commands.ts";
import { OPTION_GROUPS, optionUsage } from "./option_table.ts";
import type { OptionEntry } from "./options/option_entry.ts";
import { wrapText } from "./wrap_text.ts";

/** What the program is called where it is installed. */
export const PROGRAM = "vhost-device-crypto";

const TEXT_INDENT = "      ";

function optionText(option: OptionEntry, columns: number): string {
  const shownDefault = option.default ? ` (default: ${option.default})` : "";
  const text = wrapText(option.help + shownDefault, columns, TEXT_INDENT);
  return `  ${optionUsage(option)}\n${text}`;
}

const optionTexts = (options: readonly OptionEntry[], columns: number) =>
  options.map((option) => optionText(option, columns)).join("\n");

/** The options of `serve` under their headings. */
function groupTexts(columns: number): string {
  return OPTION_GROUPS.map(({ title, options }) =>
    `${title}:\n${optionTexts(options, columns)}`
  ).join("\n\n");
}

/** What is offered with `--allow-weak` only, and why. */
function weakAlgorithms(columns: number): string {
  const indent = " ".repeat(20);
  return ALGORITHMS.filter(({ weakness }) => weakness !== undefined)
    .map((one) => {
      const name = `  ${qualifiedName(one).padEnd(16)}  `;
      return name + wrapText(one.weakness!, columns, indent).trimStart();
    }).join("\n");
}

/** How a command is called, behind `prefix`. */
function usageLine(
  prefix: string,
  { name, words }: CommandEntry,
  columns: number,
): string {
  const text = `${PROGRAM} ${name} ${words}`.trimEnd();
  const indent = " ".repeat(prefix.length);
  const [first, ...others] = wrapText(text, columns, indent).split("\n");
  const more = others.map((line) => `  ${line}`);
  return [prefix + first!.slice(prefix.length), ...more].join("\n");
}

function usageLines(columns: number): string {
  return COMMANDS.map((entry, index) =>
    usageLine(index === 0 ? "usage: " : "       ", entry, columns)
  ).join("\n");
}

function commandLines(columns: number): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  return COMMANDS.map(({ name, help }) =>
    name.padEnd(width) +
    wrapText(help, columns, " ".repeat(width)).trimStart()
  ).join("\n");
}

/** The whole help, at most `columns` wide. */
export function helpText(columns: number): string {
  return `\
${usageLines(columns)}

${commandLines(columns)}

${
    wrapText(
      "Options of serve, which need not be named where they are given:",
      columns,
    )
  }

${groupTexts(columns)}

Weak algorithms, off unless --allow-weak is given:
${weakAlgorithms(columns)}

${wrapText(`Backends: ${BUILT_IN_BACKENDS.join(", ")}`, columns, "")}
`;
}

/** The help of one command that is not `serve`. */
export function commandHelpText(
  entry: CommandEntry,
  columns: number,
): string {
  const { name, help, options } = entry;
  return `\
${usageLine("usage: ", entry, columns)}

${wrapText(`${name} ${help}`, columns)}

${optionTexts(options, columns)}
`;
}
