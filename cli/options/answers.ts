/**
 * Options: what is answered at once, with nothing started.
 *
 * @module
 */

import type { OptionEntry } from "./option_entry.ts";

/** Of commands that answer at once. */
export const JSON_OPTION = {
  name: "json",
  help: "print it for programs",
} as const satisfies OptionEntry;

/** Of `probe`. */
export const SHOWN_BACKENDS_OPTION = {
  name: "backend",
  value: "LIST",
  completes: "backend",
  default: "all that are built in",
  help:
    "show these: built-in names, paths such as ./my_backend.ts, or npm:PACKAGE, with commas",
} as const satisfies OptionEntry;

export const ANSWER_OPTIONS = [
  {
    name: "print-capabilities",
    help:
      "print what QEMU's back-end conventions ask for, as JSON, and end; all else is ignored",
  },
  { name: "version", help: "print the version and end" },
  { name: "help", help: "print this text and end" },
] as const satisfies readonly OptionEntry[];
