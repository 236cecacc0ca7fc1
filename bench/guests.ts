/**
 * `deno task bench:guests`: many guests of one device process, each figure beside
 * its target. Guests are played by a process of their own.
 *
 *     deno task bench:guests [--guests N] [--seconds S] [--only TEXT]
 *         [--backend LIST] [--output FILE] [--chart FILE.svg] [-- OPTIONS OF serve]
 *
 * `--chart` draws memory and latency against guests, and measures that alone.
 *
 * @module
 */

import { CURVE_SOCKETS, guestCurves } from "./guests/curves.ts";
import { GuestProcess, ManyGuestsDevice } from "./guests/processes.ts";
import { guestRows } from "./guests/rows.ts";
import { drawCharts, lineChart } from "./runner/chart.ts";
import { chosenBackends } from "./runner/chosen_backends.ts";
import {
  describeMachine,
  type Machine,
  machineLine,
} from "./runner/machine.ts";
import {
  type Finding,
  findingLine,
  findingTable,
  verdict,
} from "./runner/targets.ts";
import { runTask, taskWords, wholeNumber } from "../testing/task.ts";

async function drawGuests(
  path: string,
  machine: Machine,
  milliseconds: number,
  options: readonly string[],
): Promise<void> {
  await using device = await ManyGuestsDevice.start(CURVE_SOCKETS, options);
  const lines = await guestCurves(device, milliseconds);
  const [svg] = await drawCharts([
    lineChart({
      title: "A guest at 1,000 requests a second, and memory of each guest",
      subtitle: machineLine(machine),
      x: "guests of the process; all others idle, or busy",
      y: "µs of a request, kB of a guest",
    }, lines),
  ]);
  await Deno.writeTextFile(path, svg!);
}

async function main(words: string[]): Promise<void> {
  const at = words.indexOf("--");
  const own = at < 0 ? words : words.slice(0, at);
  const options: string[] = at < 0 ? [] : words.slice(at + 1);
  const { values } = taskWords({
    args: [...own],
    options: {
      guests: { type: "string", default: "1000" },
      seconds: { type: "string", default: "3" },
      only: { type: "string", default: "" },
      backend: { type: "string" },
      output: { type: "string" },
      chart: { type: "string" },
    },
  });
  if (values.backend !== undefined) {
    const chosen = await chosenBackends(values.backend);
    const list = chosen.map(({ specifier }) => specifier).join();
    options.unshift("--backend", list);
  }
  const guests = wholeNumber("guests", values.guests, 1);
  const milliseconds = 1000 * wholeNumber("seconds", values.seconds, 1);
  const machine = await describeMachine();
  if (values.chart !== undefined) {
    return await drawGuests(values.chart, machine, milliseconds, options);
  }
  const findings: Finding[] = [];
  const rows = guestRows({ guests, milliseconds })
    .filter(({ name }) => name.includes(values.only));
  for (const { measure, sockets, isKept } of rows) {
    await using device = await ManyGuestsDevice.start(sockets, options, isKept);
    await using players = new GuestProcess(device.folder);
    for (const finding of await measure(device, players)) {
      findings.push(finding);
      console.error(findingLine(finding));
    }
  }
  console.log(`${machineLine(machine)}\n\n${findingTable(findings)}`);
  if (values.output === undefined) return;
  const figures = findings.map((one) => ({ ...one, verdict: verdict(one) }));
  await Deno.writeTextFile(
    values.output,
    `${JSON.stringify({ machine, guests, findings: figures }, null, 2)}\n`,
  );
}

if (import.meta.main) {
  await runTask({
    usage: "bench:guests [--guests N] [--seconds S] [--only TEXT] " +
      "[--backend LIST] [--output FILE] [--chart FILE.svg] [-- OPTION...]",
    about: "measures many guests of one process, with OPTIONs of serve",
  }, main);
}
