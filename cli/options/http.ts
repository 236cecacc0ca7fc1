/**
 * Options: what is answered over HTTP.
 *
 * @module
 */

import type { OptionEntry } from "./option_entry.ts";

export const HTTP_OPTIONS = [
  {
    name: "http",
    value: "ADDRESS",
    help:
      "answer HTTP with a page, metrics and status at a Unix socket (a path with a slash in it), or at HOST:PORT",
  },
  {
    name: "http-token-file",
    completes: "file",
    value: "PATH",
    help:
      "the token that changes and the log need over HTTP, and an address that is not loopback needs always: a line of at least 16 characters",
  },
  {
    name: "http-token-fd",
    value: "N",
    help: "read that token from this descriptor",
  },
] as const satisfies readonly OptionEntry[];
