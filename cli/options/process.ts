/**
 * Options: how the process works.
 *
 * @module
 */

import { DEFAULTS } from "./defaults.ts";
import type { OptionEntry } from "./option_entry.ts";

/** Most queue threads of a process. */
export const MAXIMUM_THREADS = 256;

/** Whether guests outlive the process. */
export const STATE_CHOICES = ["auto", "off"] as const;

export const PROCESS_OPTIONS = [
  {
    name: "config",
    value: "FILE",
    completes: "file",
    help:
      "take options from this file, too: TOML with their names, as in queues = 4; those of the command line go before",
  },
  {
    name: "threads",
    value: "N",
    default: "the processors that the process may use",
    help:
      "threads that serve the data queues of all guests, 1 to 256, but no more than there may be queues; they start with the first",
  },
  {
    name: "spin",
    value: "MICROSECONDS",
    default: `${DEFAULTS.spinMicroseconds}`,
    help:
      "how long a queue thread looks for more before it sleeps, where that makes the driver faster; 0 to 1000000",
  },
  {
    name: "state",
    value: "CHOICE",
    choices: STATE_CHOICES,
    default: "auto",
    help:
      "auto: guests outlive this process where somebody keeps what they need, systemd or supervise; off: they do not",
  },
] as const satisfies readonly OptionEntry[];
