/**
 * Options: where guests are served.
 *
 * @module
 */

import type { OptionEntry } from "./option_entry.ts";

export const SOCKET_OPTIONS = [
  {
    name: "socket-path",
    value: "PATH",
    completes: "file",
    repeatable: true,
    help:
      "listen on this socket, exactly as written; repeat it to serve several guests, each with sessions of its own",
  },
  {
    name: "guests",
    value: "N",
    help:
      "make N sockets, 1 to 10000, of each --socket-path with %i in it, which stands for 0 to N - 1",
  },
  {
    name: "fd",
    value: "N",
    help:
      "use this open socket instead of a path; it may be listening or connected already; systemd: all that systemd hands over, each with the name that its unit gives it",
  },
  {
    name: "isolate",
    help:
      "serve each socket in a process of its own, which is started again when it dies",
  },
] as const satisfies readonly OptionEntry[];
