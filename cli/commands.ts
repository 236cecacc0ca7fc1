/**
 * The commands of the program, from which help, manual page and completions come.
 *
 * @module
 */

import { BACKEND_OPTIONS, SERVE_OPTIONS } from "./option_table.ts";
import { JSON_OPTION, SHOWN_BACKENDS_OPTION } from "./options/answers.ts";
import type { OptionEntry } from "./options/option_entry.ts";

/** One command as a person sees it. */
export interface CommandEntry {
  readonly name: string;
  /** What may stand behind its name. */
  readonly words: string;
  readonly help: string;
  readonly options: readonly OptionEntry[];
  /** What a shell offers for words that are no options. */
  readonly completes?: "file" | readonly string[];
}

/** Shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The command that nobody gives but this program itself (`isolated.ts`) … */
export const ISOLATED = "isolated";
/** … and the name of a socket by which it serves none. */
export const NOBODY = "";

const HELP: OptionEntry = { name: "help", help: "print this text and end" };

export const COMMANDS = [
  {
    name: "serve",
    words: "--socket-path PATH [OPTION]...",
    help:
      "runs a virtio-crypto device for virtual machines on vhost-user sockets",
    options: SERVE_OPTIONS,
  },
  {
    name: "supervise",
    words: "-- --socket-path PATH [OPTION]...",
    help:
      "runs serve in a process of its own, and again when that dies or fails",
    options: SERVE_OPTIONS,
  },
  {
    name: "probe",
    words: "[--json] [OPTION]...",
    help: "shows which algorithms each backend offers here, or why not",
    options: [
      JSON_OPTION,
      SHOWN_BACKENDS_OPTION,
      ...BACKEND_OPTIONS,
      HELP,
    ],
  },
  {
    name: "status",
    words: "ADDRESS [--watch]",
    help: "shows what a device tells at the address of its --http",
    options: [
      { name: "watch", help: "show it again each second, with rates" },
      HELP,
    ],
    completes: "file",
  },
  {
    name: "key-stub",
    words: "PUBLIC.pem [OUTPUT]",
    help: "writes what a guest opens a session with, instead of a private key",
    options: [HELP],
    completes: "file",
  },
  {
    name: "completions",
    words: "bash|zsh|fish",
    help: "writes what a shell completes the words of this program with",
    options: [HELP],
    completes: SHELLS,
  },
  {
    name: "man",
    words: "",
    help: "writes the manual page",
    options: [HELP],
  },
] as const satisfies readonly CommandEntry[];

export type CommandName = (typeof COMMANDS)[number]["name"];

/** `serve, supervise or probe`, for messages. */
export function commandNames(): string {
  const names = COMMANDS.map(({ name }) => name);
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
