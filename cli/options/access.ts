/**
 * Options: who may connect, and who the device is.
 *
 * @module
 */

import type { OptionEntry } from "./option_entry.ts";

export const ACCESS_OPTIONS = [
  {
    name: "socket-mode",
    value: "MODE",
    default: "what the umask leaves",
    help: "permissions of the sockets at --socket-path, in octal, as in 660",
  },
  {
    name: "socket-group",
    value: "GROUP",
    default: "that of the process",
    help: "group of the sockets at --socket-path, by name or number",
  },
  {
    name: "allow-user",
    value: "USER",
    default: "whoever may open the socket",
    repeatable: true,
    help:
      "only processes of this user may connect, by name or number; repeat it for more",
  },
  {
    name: "user",
    value: "USER",
    help:
      "become this user once the sockets are there and keys have been read, for which the process has to be root at its start",
  },
] as const satisfies readonly OptionEntry[];
