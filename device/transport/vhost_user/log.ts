/**
 * Where the transport tells of its life cycle.
 *
 * @module
 */

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Takes one line, without its end. */
export type Log = (level: LogLevel, line: string) => void;
