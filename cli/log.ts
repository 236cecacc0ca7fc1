/**
 * Log lines on standard error.
 *
 * @module
 */

import { LOG_LEVELS, type LogLevel } from "./parse_options.ts";

/** Writes one line of a level. */
export type Log = (level: LogLevel, line: string) => void;

const encoder = new TextEncoder();

/** A log that drops what is less important than `threshold`. */
export function createLog(threshold: LogLevel): Log {
  const limit = LOG_LEVELS.indexOf(threshold);
  return (level, line) => {
    if (LOG_LEVELS.indexOf(level) > limit) return;
    Deno.stderr.writeSync(
      encoder.encode(`vhost-device-crypto: ${level}: ${line}\n`),
    );
  };
}
