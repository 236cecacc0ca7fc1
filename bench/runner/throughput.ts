/**
 * Requests per second of this project's backends beside those of the peers.
 *
 * @module
 */

import type { BenchRun } from "./bench_run.ts";
import type { BenchDevice } from "./devices.ts";
import { compare, type Comparison, type Load } from "./measure.ts";
import { markdownTable, sizeText, thousands } from "./table.ts";

/** Workloads of the generator that all comparisons go through. */
export const ALGORITHMS: readonly string[] = [
  "aes-128-cbc",
  "aes-128-cbc-decrypt",
  "aes-128-cbc-hmac-sha1",
  "aes-128-gcm",
  "sha256",
];
/** Beyond this DPDK refuses, and then answers nothing any more. */
const DPDK_MAXIMUM_BYTES = 2048;
const DPDK_ALGORITHMS = ALGORITHMS.slice(0, 3);

/** Whether DPDK's device can do this, of one session. */
export const dpdkDoes = ({ algorithm, size }: Load): boolean =>
  size <= DPDK_MAXIMUM_BYTES && DPDK_ALGORITHMS.includes(algorithm);

/** Compares all backends of the run on all loads; the C device comes last. */
export async function compareThroughput(
  run: BenchRun,
  backends: readonly string[],
  loads: readonly Load[],
  progress: (line: string) => void,
): Promise<Comparison[]> {
  const own: BenchDevice[] = [];
  for (const backend of backends) own.push(await run.device(backend));
  const dpdk = await run.dpdk();
  const comparisons: Comparison[] = [];
  for (const load of loads) {
    const devices = [
      ...own,
      ...(dpdk && dpdkDoes(load) ? [dpdk] : []),
      await run.evpDevice(),
    ];
    const { programs, options } = run;
    const comparison = await compare(programs, devices, load, options);
    comparisons.push(comparison);
    progress(describe(comparison));
  }
  return comparisons;
}

function describe({ load, ratios }: Comparison): string {
  const shown = Object.entries(ratios)
    .map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
  return `${load.algorithm} ${sizeText(load.size)} depth ${load.depth}: ` +
    shown.join(", ");
}

/** A table: thousand requests per second, and the ratio to the C device. */
export function throughputTable(comparisons: readonly Comparison[]): string {
  const names = [
    ...new Set(comparisons.flatMap(({ rates }) => Object.keys(rates))),
  ];
  const rows = comparisons.map(({ load, rates, ratios }) => [
    load.algorithm,
    sizeText(load.size),
    `${load.depth}`,
    ...names.map((name) =>
      rates[name] === undefined
        ? ""
        : `${thousands(rates[name])} (${ratios[name]!.toFixed(2)})`
    ),
  ]);
  return markdownTable(["algorithm", "size", "depth", ...names], rows);
}
