/**
 * `supervise`: `serve` in a process of its own that is started again when it
 * ends, and finds what has been kept for it.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";
import { Supervisor } from "../keeper/supervisor.ts";
import { openLog } from "./log.ts";
import { RELOAD_SIGNAL } from "./key_service.ts";
import { ownCommand } from "./own_process.ts";
import { EXIT_USAGE } from "./option_values.ts";
import { requireTokenFile } from "./http_options.ts";
import { requirePinFile } from "./key_options.ts";
import type { ServeSettings } from "./parse_options.ts";

/** Longer than any message of a front-end takes. */
const WATCHDOG_MS = 30_000;

/**
 * Supervises `serve` with `words`, which ask for `settings`, until it ends or is told
 * to: SIGTERM and SIGINT end both, SIGHUP has a new process take over, SIGUSR2 and
 * SIGURG are passed on. Ends this process.
 *
 * @throws {UsageError} where `serve` would; nothing is started then
 */
export async function supervise(
  words: readonly string[],
  settings: ServeSettings,
): Promise<never> {
  requirePinFile(settings.backendOptions, "supervise");
  requireTokenFile(settings.http);
  const libc = openLibc();
  const supervisor = new Supervisor({
    libc,
    command: ownCommand(["serve", ...words], settings.http),
    toldCode: EXIT_USAGE,
    watchdogMs: WATCHDOG_MS,
    log: openLog(settings, libc),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => supervisor.stop());
  }
  Deno.addSignalListener("SIGHUP", () => supervisor.replace());
  for (const signal of ["SIGUSR2", RELOAD_SIGNAL] as const) {
    Deno.addSignalListener(signal, () => supervisor.signal(signal));
  }
  Deno.exit(await supervisor.run());
}
