/**
 * `deno task bench:load`: the device over vhost-user beside the plain C device
 * over EVP, and beside DPDK where one was started (`peers/README.md`).
 *
 *     deno task bench:load [--backend LIST] [--seconds S] [--rounds N]
 *         [--dpdk SOCKET,PID] [--output FILE]
 *
 * @module
 */

import { adoptDpdk, startEvpDevice } from "./runner/devices.ts";
import { describeMachine, machineLine } from "./runner/machine.ts";
import { measure } from "./runner/measure.ts";
import { type BenchOptions, parseBenchOptions } from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { measureQualities, type Quality } from "./runner/qualities.ts";
import { markdownTable, thousands } from "./runner/table.ts";
import {
  compareThroughput,
  throughputLoads,
  throughputTable,
} from "./runner/throughput.ts";

const SIZES = [64, 256, 1024, 2048, 16384, 65536];

async function measureCeiling(
  programs: Programs,
  { seconds }: BenchOptions,
): Promise<number> {
  await using device = await startEvpDevice(programs, {
    polling: true,
    null: true,
  });
  const load = { algorithm: "null", size: 64, depth: 32 };
  return (await measure(programs, device, load, seconds)).undisturbed;
}

function qualityTable(qualities: Record<string, Quality[]>): string {
  const rows = Object.entries(qualities).flatMap(([backend, list]) =>
    list.map(({ name, value, unit, aim }) => [
      backend,
      name,
      `${value.toFixed(2)} ${unit}`,
      aim,
    ])
  );
  return markdownTable(["backend", "what", "measured", "aim"], rows);
}

async function main(): Promise<void> {
  const options = await parseBenchOptions(Deno.args, { seconds: 1, rounds: 3 });
  const machine = await describeMachine();
  using programs = await Programs.compile();
  // Stopped for the whole run, except while it is measured.
  await using dpdk = options.dpdk &&
    adoptDpdk(options.dpdk.socketPath, options.dpdk.pid);
  const ceiling = await measureCeiling(programs, options);
  const comparisons = await compareThroughput(
    programs,
    options,
    throughputLoads(SIZES),
    (line) => console.error(line),
    dpdk,
  );
  const qualities: Record<string, Quality[]> = {};
  for (const backend of options.backends) {
    const run = { ...options, programs, backend };
    qualities[backend] = await measureQualities(run);
  }
  console.log(machineLine(machine));
  console.log(
    `Thousand requests per second, undisturbed (ratio to C over EVP); ` +
      `the generator's ceiling is ${thousands(ceiling)}.\n`,
  );
  console.log(throughputTable(comparisons));
  console.log();
  console.log(qualityTable(qualities));
  if (options.output === undefined) return;
  const figures = { machine, ceiling, comparisons, qualities };
  await Deno.writeTextFile(
    options.output,
    `${JSON.stringify(figures, null, 2)}\n`,
  );
}

if (import.meta.main) await main();
