/**
 * Where the transport tells of its life cycle.
 *
 * @module
 */

import { describeFailure, type Failure } from "../../session/failure.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

/** What a line is about, for programs that read the log. */
export interface LogFields {
  /** The socket's name. */
  readonly guest?: string;
  readonly queue?: number;
  /** The session's identifier, in decimal. */
  readonly session?: string;
  readonly backend?: string;
  /** Why it happened. */
  readonly reason?: string;
  /** A command to be copied, which may have several lines. */
  readonly command?: string;
  /** Lines of the log. */
  readonly lost?: number;
}

/** Takes one line, without its end. */
export type Log = (level: LogLevel, line: string, fields?: LogFields) => void;

/** Tells what failed, and why. */
export function logFailure(log: Log, failure: Failure): void {
  const { backend, reason } = failure;
  const fields = { ...(backend !== undefined && { backend }), reason };
  log("warn", describeFailure(failure), fields);
}

/** Tells that a backend failed on a thread, and why, or works there again. */
export function logHealth(
  log: Log,
  where: string,
  backend: string,
  failure: string | undefined,
): void {
  const name = `backend ${backend} on ${where}`;
  if (failure === undefined) log("info", `${name} works again`, { backend });
  else log("warn", `${name} failed: ${failure}`, { backend, reason: failure });
}
