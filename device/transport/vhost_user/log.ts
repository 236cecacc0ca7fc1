/**
 * Where the transport tells of its life cycle.
 *
 * @module
 */

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Takes one line, without its end. */
export type Log = (level: LogLevel, line: string) => void;

/** Tells that a backend failed on a thread, and why, or works there again. */
export function logHealth(
  log: Log,
  where: string,
  backend: string,
  failure: string | undefined,
): void {
  const name = `backend ${backend} on ${where}`;
  if (failure === undefined) log("info", `${name} works again`);
  else log("warn", `${name} failed: ${failure}`);
}
