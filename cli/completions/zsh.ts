/**
 * Completions for zsh.
 *
 * @module
 */

import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import type { CommandEntry } from "../commands.ts";
import type { OptionEntry } from "../options/option_entry.ts";
import { shortHelp } from "./short_help.ts";

/** Within single quotes, where colons and brackets end a part. */
const escape = (text: string): string =>
  text.replaceAll(/[\\[\]:]/g, "\\$&").replaceAll("'", "'\\''");

function action({ choices, completes }: OptionEntry): string {
  if (choices) return `(${choices.join(" ")})`;
  switch (completes) {
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    case "backend":
      return `_values -s , backend ${BUILT_IN_BACKENDS.join(" ")}`;
    default:
      return " ";
  }
}

function optionSpecification(option: OptionEntry): string {
  const { name, value, repeatable, help } = option;
  const often = repeatable ? "*" : "";
  const about = `[${escape(shortHelp(help))}]`;
  return value === undefined
    ? `'${often}--${name}${about}'`
    : `'${often}--${name}=${about}:${escape(value)}:${action(option)}'`;
}

function operands({ completes }: CommandEntry): readonly string[] {
  if (completes === undefined) return [];
  return [
    completes === "file"
      ? "'*:file:_files'"
      : `':word:(${completes.join(" ")})'`,
  ];
}

function commandBranch(entry: CommandEntry): string {
  const all = [...entry.options.map(optionSpecification), ...operands(entry)];
  const lines = all.map((line) => `        ${line}`).join(" \\\n");
  return `    ${entry.name})\n      _arguments \\\n${lines}\n      ;;`;
}

/** The file that a folder of `fpath` has as `_vhost-device-crypto`. */
export function zshCompletions(commands: readonly CommandEntry[]): string {
  const described = commands.map(({ name, help }) =>
    `    '${name}:${escape(help)}'`
  );
  return `\
#compdef vhost-device-crypto
# Completions of vhost-device-crypto for zsh, written by
# \`vhost-device-crypto completions zsh\`.

_vhost_device_crypto() {
  local command=serve
  local -a commands
  commands=(
${described.join("\n")}
  )
  if [[ $words[2] != -* ]]; then
    if (( CURRENT == 2 )); then
      _describe command commands
      return
    fi
    command=$words[2]
    shift words
    (( CURRENT-- ))
    if [[ $words[2] == -- ]] && (( CURRENT > 2 )); then
      shift words
      (( CURRENT-- ))
    fi
  fi
  case $command in
${commands.map(commandBranch).join("\n")}
  esac
}

if [[ $funcstack[1] == _vhost-device-crypto ]]; then
  _vhost_device_crypto "$@"
else
  compdef _vhost_device_crypto vhost-device-crypto
fi
`;
}
