/**
 * A process under a keeper: says on each line of a file what it finds, keeps a
 * counter, adds 1 to it and waits. `kept_process.ts FILE [MOOD]`; in the mood
 * `fail` it ends at once, as `silent` it never tells that all is well.
 *
 * @module
 */

import { openLibc } from "../ffi/libc.ts";
import { inheritedDescriptors } from "../keeper/inherited.ts";
import { Keeper } from "../keeper/keeper.ts";

/** The name that it keeps its counter by. */
export const COUNTER_NAME = "vdc.test.counter";

function main([file, mood]: readonly string[]): void {
  const say = (text: string) =>
    Deno.writeTextFileSync(file!, `${text}\n`, { append: true });
  if (mood === "fail") Deno.exit(3);
  // Before it says anything, so that whoever has heard it can end it.
  Deno.addSignalListener("SIGTERM", () => {
    say("asked to end");
    Deno.exit(0);
  });
  const libc = openLibc();
  const environment = Deno.env.toObject();
  const keeper = Keeper.find(libc, environment, Deno.pid);
  if (!keeper) return say("no keeper");
  const found = inheritedDescriptors(environment, Deno.pid);
  const fds = found.filter(({ name }) => name === COUNTER_NAME);
  const counter = fds[0]?.fd ?? libc.eventfd();
  libc.signal(counter);
  libc.signal(counter);
  if (fds.length === 0) keeper.keep(COUNTER_NAME, counter);
  const view = new BigUint64Array(1);
  libc.symbols.eventfd_read(counter, new Uint8Array(view.buffer));
  for (let i = 1n; i < view[0]!; i++) libc.signal(counter);
  keeper.ready();
  say(`${Deno.pid} found ${found.length} counted ${view[0]}`);
  setInterval(() => mood === "silent" || keeper.watchdog(), 50);
}

if (import.meta.main) main(Deno.args);
