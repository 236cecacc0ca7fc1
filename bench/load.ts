/**
 * `deno task bench:load`: what the project aims at, each figure beside its
 * target. Devices run as their users have them; what is compared is measured in
 * turn, and figures are medians of rounds.
 *
 *     deno task bench:load [--dpdk [SOCKET,PID]] [--against COMMIT]
 *         [--only TEXT] [--backend LIST] [--seconds S] [--rounds N]
 *         [--output FILE]
 *
 * `--dpdk` fetches, compiles and starts DPDK's device (`peers/README.md`), or
 * uses one that was started by hand; `--against` compares the speeds in process
 * with those of another commit; `--only` measures the rows whose name has TEXT.
 *
 * @module
 */

import { deviceOnlyRow } from "./rows/device_only_row.ts";
import { inProcessRows } from "./rows/in_process_rows.ts";
import { laneRows } from "./rows/lane_rows.ts";
import { longRequestRows, packedRows, sessionRows } from "./rows/own_rows.ts";
import { dpdkRows, evpRows } from "./rows/peer_rows.ts";
import { lowLoadRows, startRows } from "./rows/time_rows.ts";
import { BenchRun } from "./runner/bench_run.ts";
import { describeMachine, machineLine } from "./runner/machine.ts";
import { NotOffered } from "./runner/measure.ts";
import { BENCH_USAGE, parseBenchOptions } from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { qualityRows } from "./runner/qualities.ts";
import {
  type Finding,
  findingLine,
  findingTable,
  type Row,
  verdict,
} from "./runner/targets.ts";
import { runTask } from "../testing/task.ts";

const allRows = (run: BenchRun): Row[] => [
  ...dpdkRows(run),
  ...evpRows(run),
  ...packedRows(run),
  ...sessionRows(run),
  ...longRequestRows(run),
  deviceOnlyRow(run.options),
  ...lowLoadRows(run),
  ...startRows(run),
  ...laneRows(run),
  ...inProcessRows(run),
  ...qualityRows(run),
];

/** What a plugin does not offer is not measured. */
async function* measured(row: Row): AsyncIterable<Finding> {
  try {
    yield* row.measure();
  } catch (error) {
    if (!(error instanceof NotOffered)) throw error;
    yield { name: row.name, value: NaN, unit: "" };
  }
}

async function main(words: string[]): Promise<void> {
  const options = await parseBenchOptions(words, {
    seconds: 0.5,
    rounds: 10,
  });
  const machine = await describeMachine();
  using programs = await Programs.compile();
  await using run = new BenchRun(programs, options);
  const rows = allRows(run).filter(({ name }) => name.includes(options.only));
  if (rows.length === 0) {
    throw new RangeError(`--only ${options.only}: no row has that in its name`);
  }
  const findings: Finding[] = [];
  for (const row of rows) {
    for await (const finding of measured(row)) {
      findings.push(finding);
      console.error(findingLine(finding));
    }
  }
  const { rounds, seconds } = options;
  console.log(`${machineLine(machine)}\n`);
  console.log(`Medians of ${rounds} rounds of ${seconds} s.\n`);
  console.log(findingTable(findings));
  if (options.output === undefined) return;
  const figures = findings.map((finding) => ({
    ...finding,
    verdict: verdict(finding),
  }));
  await Deno.writeTextFile(
    options.output,
    `${
      JSON.stringify({ machine, rounds, seconds, findings: figures }, null, 2)
    }\n`,
  );
}

if (import.meta.main) {
  await runTask({
    usage: `bench:load ${BENCH_USAGE}`,
    about: "measures what the project aims at, each figure beside its target",
  }, main);
}
