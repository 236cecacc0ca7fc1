/**
 * `serve --isolate`: each socket in a process of its own.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";
import type { InheritedDescriptor } from "../keeper/inherited.ts";
import { findKeeper, reportTo } from "./keeper_report.ts";
import { IsolatedProcess } from "./isolated_process.ts";
import { openLog } from "./log.ts";
import { RELOAD_SIGNAL } from "./key_service.ts";
import { ISOLATED, NOBODY } from "./commands.ts";
import { ownCommand } from "./own_process.ts";
import { EXIT_USAGE } from "./option_values.ts";
import type { ServeSettings } from "./parse_options.ts";

/** What is for this process alone, or no longer true below it. */
const NOT_FOR_CHILDREN = /^(NOTIFY_SOCKET|WATCHDOG_|LISTEN_)/;

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) =>
      !NOT_FOR_CHILDREN.test(name)
    ),
  );
}

/** Starts the process of each socket, several at a time. */
async function startAll(
  processes: readonly IsolatedProcess[],
): Promise<boolean> {
  const others = [...processes];
  let good = true;
  const lane = async () => {
    for (let next = others.shift(); next && good; next = others.shift()) {
      good &&= await next.start();
    }
  };
  const lanes = Math.max(1, navigator.hardwareConcurrency);
  await Promise.all(Array.from({ length: lanes }, lane));
  return good;
}

/** Whether all sockets can be served; a process tells that, in one line if not. */
async function canStart(
  [program, ...words]: readonly [string, ...string[]],
): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    args: words,
    env: environment(),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  return success;
}

/**
 * Serves each socket in a process of its own until SIGINT, SIGTERM or SIGHUP ends all, or
 * until each has ended by itself; then ends this process. `words` are those that
 * `settings` were read from.
 */
export async function isolate(
  settings: ServeSettings,
  words: readonly string[],
  handedOver: readonly InheritedDescriptor[],
): Promise<never> {
  const libc = openLibc();
  const log = openLog(settings, libc);
  const commandFor = (name: string) =>
    ownCommand([ISOLATED, name, JSON.stringify(handedOver), ...words]);
  if (!await canStart(commandFor(NOBODY))) Deno.exit(EXIT_USAGE);
  const processes = settings.sockets.map(({ name }) =>
    new IsolatedProcess({
      name,
      command: commandFor(name),
      environment: environment(),
      log,
    })
  );
  let stopped = false;
  const stopAll = () => {
    for (const one of processes) one.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      stopped = true;
      stopAll();
    });
  }
  for (const signal of ["SIGUSR2", RELOAD_SIGNAL] as const) {
    Deno.addSignalListener(signal, () => {
      for (const one of processes) one.signal(signal);
    });
  }
  const good = await startAll(processes);
  if (!good) stopAll();
  const keeper = good ? findKeeper(libc) : undefined;
  using _ = keeper && reportTo(keeper);
  await Promise.all(processes.map((one) => one.finished()));
  // Whatever kept a process from its start, it has told of it.
  if (!good && !stopped) Deno.exit(EXIT_USAGE);
  log("info", "ended");
  Deno.exit();
}
