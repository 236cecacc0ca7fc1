/**
 * `deno task bench:guard`: the ratios to the plain C device over EVP, to DPDK where
 * it takes part, and of devices to themselves, beside those on record. Ends with 1
 * when one is worse by more than 15 %; `--record` puts what was measured on record.
 *
 *     deno task bench:guard [--record] [--dpdk [SOCKET,PID]] [--backend LIST]
 *         [--seconds S] [--rounds N]
 *
 * @module
 */

import { longRequestRows, packedRows, sessionRows } from "./rows/own_rows.ts";
import { dpdkRows } from "./rows/peer_rows.ts";
import { BenchRun } from "./runner/bench_run.ts";
import type { Load } from "./runner/measure.ts";
import { BENCH_USAGE, parseBenchOptions } from "./runner/options.ts";
import { Programs } from "./runner/programs.ts";
import { markdownTable, sizeText } from "./runner/table.ts";
import type { Row } from "./runner/targets.ts";
import { compareThroughput } from "./runner/throughput.ts";
import { runTask } from "../testing/task.ts";

const RECORD = new URL("./recorded_ratios.json", import.meta.url);
const ALLOWED_FALL = 0.15;

const LOADS: readonly Load[] = [
  { algorithm: "aes-128-cbc", size: 64, depth: 32 },
  { algorithm: "aes-128-cbc", size: 1024, depth: 32 },
  { algorithm: "aes-128-cbc", size: 16384, depth: 32 },
  { algorithm: "aes-128-cbc-decrypt", size: 1024, depth: 32 },
  { algorithm: "aes-128-cbc-hmac-sha1", size: 1024, depth: 32 },
  { algorithm: "aes-128-gcm", size: 1024, depth: 32 },
  { algorithm: "sha256", size: 1024, depth: 32 },
];

interface Ratio {
  readonly value: number;
  /** A cost, of which less is better. */
  readonly isCost: boolean;
}

type Ratios = Readonly<Record<string, Ratio>>;
type Recorded = Readonly<Record<string, number>>;

async function ratiosToC(
  run: BenchRun,
  backends: readonly string[],
): Promise<Ratios> {
  const ratios: Record<string, Ratio> = {};
  const compared = await compareThroughput(run, backends, LOADS, () => {});
  for (const { load, ratios: measured } of compared) {
    for (const backend of backends) {
      const value = measured[backend];
      if (value === undefined) continue;
      const name = `${backend} ${load.algorithm} ${sizeText(load.size)}`;
      ratios[name] = { value, isCost: false };
    }
  }
  return ratios;
}

/** What is aimed at, as far as it is a ratio and soon measured. */
const rowsOf = (run: BenchRun): Row[] => [
  ...packedRows(run),
  ...sessionRows(run),
  ...longRequestRows(run).slice(0, 1),
  ...dpdkRows(run),
];

async function ratiosOfRows(rows: readonly Row[]): Promise<Ratios> {
  const ratios: Record<string, Ratio> = {};
  for (const row of rows) {
    for await (const { name, value, target } of row.measure()) {
      if (!target || Number.isNaN(value)) continue;
      ratios[name] = { value, isCost: target.bound === "≤" };
    }
  }
  return ratios;
}

/** Whether it is worse than what is on record by more than is allowed. */
export function isWorse(
  { value, isCost }: Ratio,
  recorded: number | undefined,
): boolean {
  if (recorded === undefined) return false;
  return isCost
    ? value > recorded / (1 - ALLOWED_FALL)
    : value < recorded * (1 - ALLOWED_FALL);
}

async function readRecord(): Promise<Recorded> {
  return JSON.parse(await Deno.readTextFile(RECORD));
}

/** What was not measured this time stays on record. */
async function writeRecord(ratios: Ratios): Promise<void> {
  const measured = Object.entries(ratios)
    .map(([name, { value }]) => [name, Number(value.toFixed(3))] as const);
  const record = { ...await readRecord(), ...Object.fromEntries(measured) };
  await Deno.writeTextFile(RECORD, `${JSON.stringify(record, null, 2)}\n`);
}

async function main(words: string[]): Promise<void> {
  const record = words.includes("--record");
  const others = words.filter((word) => word !== "--record");
  const options = await parseBenchOptions(others, { seconds: 0.5, rounds: 5 });
  const backends = options.backends.map(({ name }) => name)
    .filter((name) => name !== "noble");
  using programs = await Programs.compile();
  await using run = new BenchRun(programs, options);
  const ratios = {
    ...await ratiosToC(run, backends),
    ...await ratiosOfRows(rowsOf(run)),
  };
  if (record) await writeRecord(ratios);
  const recorded = await readRecord();
  const worse = (name: string) => isWorse(ratios[name]!, recorded[name]);
  const names = Object.keys(ratios);
  const rows = names.map((name) => [
    name,
    ratios[name]!.value.toFixed(2),
    recorded[name]?.toFixed(2) ?? "",
    worse(name) ? "is worse" : "",
  ]);
  console.log(markdownTable(["ratio", "now", "on record", ""], rows));
  if (names.some(worse)) Deno.exitCode = 1;
}

if (import.meta.main) {
  await runTask({
    usage: `bench:guard [--record] ${BENCH_USAGE}`,
    about: "measures ratios beside those on record; with --record, writes them",
  }, main);
}
