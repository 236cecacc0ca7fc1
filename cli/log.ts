/**
 * The log: one line for each event, and what could not be written is counted.
 *
 * @module
 */

import type { Log, LogLevel } from "../device/transport/vhost_user/log.ts";
import type { Libc } from "../ffi/libc.ts";
import { type Formatter, formatterOf, type LogFormat } from "./log_format.ts";
import { LogTail } from "./log_tail.ts";
import { isJournal, type LogSink, standardError } from "./log_sink.ts";

export type { Log };

/** From what matters most to what matters least. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** How a person wants the log. */
export interface LogSettings {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/**
 * A log that drops what is less important than the level of `tail`. Lines that
 * `sink` loses are counted, and told of before the next one that it takes.
 */
export function createLog(
  tail: LogTail,
  format: Formatter,
  sink: LogSink,
): Log {
  let lost = 0;
  const tellOfLost = (time: Date): boolean =>
    sink(format({
      time,
      level: "warn",
      line: `${lost} lines of the log could not be written`,
      fields: { lost },
    }));
  return (level, line, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(tail.level)) return;
    const time = new Date();
    const event = { time, level, line, fields };
    tail.keep(event);
    if (lost > 0 && tellOfLost(time)) lost = 0;
    if (lost === 0 && sink(format(event))) return;
    lost++;
    tail.lostLines++;
  };
}

/** The log on standard error; `tail` follows it. */
export function openLog(
  { logLevel, logFormat }: LogSettings,
  libc: Libc,
  tail: LogTail = new LogTail(logLevel),
): Log {
  const format = formatterOf(logFormat, isJournal(libc));
  return createLog(tail, format, standardError(libc));
}

/**
 * The log of one guest. Where there are several, its name stands before each
 * line, too.
 */
export function guestLog(log: Log, guest: string, isAlone: boolean): Log {
  const prefix = isAlone ? "" : `${guest}: `;
  return (level, line, fields) =>
    log(level, `${prefix}${line}`, { guest, ...fields });
}

/** A log whose lines wait until it is released; before, they may be dropped. */
export interface HeldLog {
  readonly log: Log;
  /** Writes what waits, and holds nothing up any more. */
  release(): void;
}

/** Holds the lines of a start, of which nothing is to be told where it fails. */
export function heldLog(log: Log): HeldLog {
  let waiting: Parameters<Log>[] | undefined = [];
  return {
    log: (...entry) => waiting ? void waiting.push(entry) : log(...entry),
    release() {
      for (const entry of waiting ?? []) log(...entry);
      waiting = undefined;
    },
  };
}
