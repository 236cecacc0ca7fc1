/**
 * `serve` as the tests of restarts start it: it ends where the next fault of the
 * plan in $VDC_TEST_FAULTS says, or after a while where it does not come there.
 *
 * @module
 */

import { main } from "../../../cli/main.ts";
import {
  ANYWHERE,
  armFault,
  type Fault,
  FAULT_VARIABLE,
  noteEnd,
  PLAN_VARIABLE,
  whenAllGoOn,
} from "./fault_points.ts";

/**
 * A life that does not come to its point goes on for a while once all guests have
 * gone on, so that each can do something, and by chance for so much more.
 */
const LIFE_MS = 300;
const CHANCE_MS = 500;
/** Where a guest does not go on. */
const PATIENCE_MS = 20_000;

/** The next of the plan; undefined: this life has no end. */
function nextFault(folder: string): Fault | null | undefined {
  const plan: (Fault | null)[] = JSON.parse(
    Deno.readTextFileSync(`${folder}/plan`),
  );
  const life = Number(Deno.readTextFileSync(`${folder}/lives`));
  Deno.writeTextFileSync(`${folder}/lives`, `${life + 1}`);
  return plan[life];
}

const folder = Deno.env.get(PLAN_VARIABLE)!;
const fault = nextFault(folder);
const note = (point: string) => noteEnd(folder, point);
if (fault) {
  Deno.env.set(FAULT_VARIABLE, JSON.stringify(fault));
  armFault(fault, note);
  const end = () => {
    note(ANYWHERE);
    Deno.kill(Deno.pid, "SIGKILL");
  };
  setTimeout(end, PATIENCE_MS);
  const guests = Deno.args.filter((word) => word === "--socket-path").length;
  whenAllGoOn(guests, () => {
    setTimeout(end, LIFE_MS + CHANCE_MS * Math.random());
  });
  const ProductWorker = globalThis.Worker;
  globalThis.Worker = class extends ProductWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      const isQueueThread = `${url}`.endsWith("/queue_worker.ts");
      const own = new URL("./queue_worker.ts", import.meta.url);
      super(isQueueThread ? own : url, options);
    }
  };
}
await main(Deno.args);
