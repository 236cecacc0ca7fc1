/**
 * How a line of the log looks.
 *
 * @module
 */

import type {
  LogFields,
  LogLevel,
} from "../device/transport/vhost_user/log.ts";

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Something that happened, or that a person should know. */
export interface LogEvent {
  readonly time: Date;
  readonly level: LogLevel;
  readonly line: string;
  readonly fields: LogFields;
}

/** Makes of an event what is written, with the end of its line. */
export type Formatter = (event: LogEvent) => string;

/** The priorities of syslog(3), as journald reads them at the start of a line. */
const PRIORITY: Readonly<Record<LogLevel, number>> = {
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
};

/** One event is one line, whatever a guest or a plugin has put into it. */
export const onOneLine = (text: string): string =>
  text.replaceAll(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (character) => JSON.stringify(character).slice(1, -1),
  );

/** Without the ends of lines that are there for people. */
const unfolded = (command: string): string =>
  command.replaceAll(/ \\\n */g, " ");

function asText({ time, level, line, fields }: LogEvent): string {
  const { command } = fields;
  // To be copied whole, and so without anything before its lines.
  const below = command === undefined ? "" : `${command}\n`;
  return `${time.toISOString()} vhost-device-crypto: ${level}: ` +
    `${onOneLine(line)}\n${below}`;
}

function forJournal({ level, line, fields }: LogEvent): string {
  const { command } = fields;
  const text = command === undefined ? line : `${line} ${unfolded(command)}`;
  return `<${PRIORITY[level]}>${onOneLine(text)}\n`;
}

function asJson({ time, level, line, fields }: LogEvent): string {
  const { command, ...others } = fields;
  const event = {
    ...{ time: time.toISOString(), level, message: line, ...others },
    ...(command !== undefined && { command: unfolded(command) }),
  };
  return `${JSON.stringify(event)}\n`;
}

/** The formatter; text for a journal has a priority and no time of its own. */
export function formatterOf(format: LogFormat, isJournal: boolean): Formatter {
  if (format === "json") return asJson;
  return isJournal ? forJournal : asText;
}
