/**
 * What whoever started this process hears of it: systemd, or `supervise`.
 *
 * @module
 */

import type { Libc } from "../ffi/libc.ts";
import { Keeper } from "../keeper/keeper.ts";
import { environmentOf } from "./handed_over.ts";

/** What a keeper says in the environment. */
const KEEPER_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/** The keeper that started this process, as far as its environment may be read. */
export function findKeeper(libc: Libc): Keeper | undefined {
  const environment = environmentOf(KEEPER_VARIABLES);
  return Keeper.find(libc, environment, Deno.pid);
}

/**
 * Tells the keeper that this process serves and that all is well, until the
 * result is disposed of.
 */
export function reportTo(keeper: Keeper): Disposable {
  keeper.ready();
  const { watchdogMs } = keeper;
  const alive = watchdogMs > 0
    ? setInterval(() => keeper.watchdog(), watchdogMs / 2)
    : undefined;
  return {
    [Symbol.dispose]() {
      clearInterval(alive);
      keeper.stopping();
      keeper.close();
    },
  };
}
