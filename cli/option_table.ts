/**
 * The options of `serve`: one table from which the parser, the help, the README's
 * table, the manual page and the completions of shells come.
 *
 * @module
 */

import { ACCESS_OPTIONS } from "./options/access.ts";
import { ANSWER_OPTIONS } from "./options/answers.ts";
import { BACKEND_CHOICE_OPTIONS } from "./options/backends.ts";
import { GUEST_OPTIONS } from "./options/guests.ts";
import { HTTP_OPTIONS } from "./options/http.ts";
import { KEY_OPTIONS } from "./options/keys.ts";
import { LOG_OPTIONS } from "./options/log.ts";
import type {
  BackendOptionEntry,
  OptionEntry,
} from "./options/option_entry.ts";
import { PROCESS_OPTIONS } from "./options/process.ts";
import { SOCKET_OPTIONS } from "./options/sockets.ts";

/** Options that belong together, under one heading. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionEntry[];
}

const GROUPS = [
  { title: "Sockets", options: SOCKET_OPTIONS },
  { title: "Who may connect, and who the device is", options: ACCESS_OPTIONS },
  { title: "Backends", options: BACKEND_CHOICE_OPTIONS },
  { title: "Keys outside the guest", options: KEY_OPTIONS },
  { title: "What a guest gets", options: GUEST_OPTIONS },
  { title: "The process", options: PROCESS_OPTIONS },
  { title: "The log", options: LOG_OPTIONS },
  { title: "HTTP", options: HTTP_OPTIONS },
  { title: "Answers", options: ANSWER_OPTIONS },
] as const satisfies readonly OptionGroup[];

/** All options of `serve`, in the order in which they are shown. */
export const OPTION_GROUPS: readonly OptionGroup[] = GROUPS;

export type OptionName = (typeof GROUPS)[number]["options"][number]["name"];

/** An entry whose name is known. */
export type ServeOption = OptionEntry & { readonly name: OptionName };

export const SERVE_OPTIONS: readonly ServeOption[] = GROUPS
  .flatMap<ServeOption>(({ options }) => options);

/** An option that sets an option of a backend. */
export type BackendOption = ServeOption & {
  readonly sets: BackendOptionEntry;
};

/** All options that set options of backends. */
export const BACKEND_OPTIONS: readonly BackendOption[] = SERVE_OPTIONS.filter(
  (option): option is BackendOption => option.sets !== undefined,
);

/** `--queues N`, as help and README show an option. */
export function optionUsage(option: OptionEntry): string {
  return `--${option.name}${option.value ? ` ${option.value}` : ""}`;
}

/** The option table of the README. */
export function optionsAsMarkdown(): string {
  const rows = SERVE_OPTIONS.map((option) =>
    `| \`${optionUsage(option)}\` | ${option.default ?? ""} | ${option.help} |`
  );
  return ["| option | default | meaning |", "| --- | --- | --- |", ...rows]
    .join("\n");
}
