/**
 * Standard error as the log writes to it: never waits, never throws.
 *
 * @module
 */

import { hasRoom } from "../ffi/libc_foreign.ts";
import type { Libc } from "../ffi/libc.ts";

const STANDARD_ERROR = 2;

/** A pipe with room takes so many at once (PIPE_BUF). */
const PIECE_BYTES = 4096;

/** Takes a text; false where some of it is lost. */
export type LogSink = (text: string) => boolean;

/**
 * Writes to standard error. What cannot be written at once is lost: a full disk,
 * a pipe that is closed or that nobody reads.
 */
export function standardError(libc: Libc): LogSink {
  const encoder = new TextEncoder();
  return (text) => {
    const bytes = encoder.encode(text);
    try {
      for (let at = 0; at < bytes.length;) {
        if (!hasRoom(libc, STANDARD_ERROR)) return false;
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        at += Deno.stderr.writeSync(piece);
      }
      return true;
    } catch {
      return false;
    }
  };
}

/**
 * Whether standard error is a journal: systemd says which file it has given
 * (systemd.exec(5), JOURNAL_STREAM), and a later redirection is another one.
 */
export function isJournal(libc: Libc): boolean {
  const variable = "JOURNAL_STREAM";
  const env = Deno.permissions.querySync({ name: "env", variable });
  if (env.state !== "granted") return false;
  const identity = libc.fileIdentity(STANDARD_ERROR);
  return identity !== undefined && Deno.env.get(variable) === identity;
}
