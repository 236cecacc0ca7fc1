/**
 * Completions for bash, without the package bash-completion.
 *
 * @module
 */

import { BUILT_IN_BACKENDS } from "../../backends/registry.ts";
import type { CommandEntry } from "../commands.ts";
import type { OptionEntry } from "../options/option_entry.ts";

/** A folder or file that has spaces in its name stays one word. */
const NAMES =
  'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen KIND -- "$word")';

/** What fills COMPREPLY with the values of an option. */
function valueReply({ choices, completes }: OptionEntry): string {
  if (choices) return `_vhost_device_crypto_words "${choices.join(" ")}"`;
  switch (completes) {
    case "file":
      return NAMES.replace("KIND", "-f");
    case "folder":
      return NAMES.replace("KIND", "-d");
    case "backend":
      return `_vhost_device_crypto_list "${BUILT_IN_BACKENDS.join(" ")}"`;
    default:
      return ":";
  }
}

/** A branch for each kind of value, with all options that have it. */
function valueBranches(commands: readonly CommandEntry[]): string {
  const byReply = new Map<string, Set<string>>();
  for (const option of commands.flatMap(({ options }) => options)) {
    if (option.value === undefined) continue;
    const reply = valueReply(option);
    const names = byReply.get(reply) ?? new Set();
    byReply.set(reply, names.add(`--${option.name}`));
  }
  return [...byReply].map(([reply, names]) =>
    `    ${[...names].join(" | ")}) ${reply}; return ;;`
  ).join("\n");
}

function commandBranches(commands: readonly CommandEntry[]): string {
  return commands.map(({ name, options, completes }) => {
    const names = options.map((option) => `--${option.name}`);
    const words = typeof completes === "object" ? completes : [];
    const all = [...names, ...words].join(" ");
    const files = completes === "file"
      ? '[[ "$word" == -* ]] || { ' + NAMES.replace("KIND", "-f") +
        "; return; }; "
      : "";
    return `    ${name}) ${files}_vhost_device_crypto_words "${all}" ;;`;
  }).join("\n");
}

/** The script that `source` takes. */
export function bashCompletions(commands: readonly CommandEntry[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `\
# Completions of vhost-device-crypto for bash, written by
# \`vhost-device-crypto completions bash\`.

_vhost_device_crypto_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

# The last of several words with commas.
_vhost_device_crypto_list() {
  local before=""
  [[ "$word" != *,* ]] || before="\${word%,*},"
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "\${word##*,}")
  compopt -o nospace 2>/dev/null
}

_vhost_device_crypto() {
  COMPREPLY=()
  local word="\${COMP_WORDS[COMP_CWORD]}" at=$((COMP_CWORD - 1)) command=serve
  # bash takes "--name=value" for three words.
  if [[ "$word" == "=" ]]; then word=""; at=$COMP_CWORD; fi
  [[ "\${COMP_WORDS[at]}" != "=" ]] || at=$((at - 1))
  case "\${COMP_WORDS[at]}" in
${valueBranches(commands)}
  esac
  if [[ "\${COMP_WORDS[1]}" != -* ]]; then
    if ((COMP_CWORD == 1)); then
      _vhost_device_crypto_words "${names}"
      return
    fi
    command="\${COMP_WORDS[1]}"
  fi
  case "$command" in
${commandBranches(commands)}
  esac
}

complete -F _vhost_device_crypto vhost-device-crypto
`;
}
