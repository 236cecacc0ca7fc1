/**
 * Options: what the device tells.
 *
 * @module
 */

import { LOG_LEVELS } from "../log.ts";
import { LOG_FORMATS } from "../log_format.ts";
import type { OptionEntry } from "./option_entry.ts";

export const LOG_OPTIONS = [
  {
    name: "log-level",
    value: "LEVEL",
    choices: LOG_LEVELS,
    default: "info",
    help:
      "error, warn, info (one line per life-cycle event) or debug (sessions too)",
  },
  {
    name: "log-format",
    value: "FORMAT",
    choices: LOG_FORMATS,
    default: "text",
    help:
      "text, with the priorities of syslog where a journal takes it, or json: an object for each event",
  },
] as const satisfies readonly OptionEntry[];
