/**
 * What whoever started this process hears of it: systemd, or `supervise`.
 *
 * @module
 */

import type { Libc } from "../ffi/libc.ts";
import { Keeper } from "../keeper/keeper.ts";

/** What a keeper says in the environment, as far as that may be read. */
const KEEPER_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

function findKeeper(libc: Libc): Keeper | undefined {
  const environment: Record<string, string | undefined> = {};
  for (const variable of KEEPER_VARIABLES) {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    if (state === "granted") environment[variable] = Deno.env.get(variable);
  }
  return Keeper.find(libc, environment, Deno.pid);
}

/**
 * Tells the keeper, where there is one, that this process serves and that all is
 * well, until the result is disposed of.
 */
export function reportToKeeper(libc: Libc): Disposable | undefined {
  const keeper = findKeeper(libc);
  if (!keeper) return undefined;
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
