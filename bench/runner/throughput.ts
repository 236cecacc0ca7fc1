/**
 * Requests per second of this project's backends beside those of the peers.
 *
 * @module
 */

import { type BenchDevice, startDevice, startEvpDevice } from "./devices.ts";
import { compare, type Comparison, type Load } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import type { Programs } from "./programs.ts";
import { markdownTable, sizeText, thousands } from "./table.ts";

const ALGORITHMS = [
  "aes-128-cbc",
  "aes-128-cbc-decrypt",
  "aes-128-cbc-hmac-sha1",
  "aes-128-gcm",
  "sha256",
];
/** Beyond this DPDK refuses, and then answers nothing any more. */
const DPDK_MAXIMUM_BYTES = 2048;
const DPDK_ALGORITHMS = ALGORITHMS.slice(0, 3);

/** The loads of the table: all algorithms at depth 32, encryption deeper too. */
export function throughputLoads(sizes: readonly number[]): Load[] {
  return [
    ...ALGORITHMS.flatMap((algorithm) =>
      sizes.map((size) => ({ algorithm, size, depth: 32 }))
    ),
    ...sizes.filter((size) => size <= DPDK_MAXIMUM_BYTES)
      .map((size) => ({ algorithm: "aes-128-cbc", size, depth: 128 })),
  ];
}

const dpdkDoes = ({ algorithm, size }: Load) =>
  size <= DPDK_MAXIMUM_BYTES && DPDK_ALGORITHMS.includes(algorithm);

/**
 * Compares on all loads; the last device of each comparison is the C device.
 * `dpdk` takes part where it can.
 */
export async function compareThroughput(
  programs: Programs,
  options: BenchOptions,
  loads: readonly Load[],
  progress: (line: string) => void,
  dpdk?: BenchDevice,
): Promise<Comparison[]> {
  await using stack = new AsyncDisposableStack();
  const started: BenchDevice[] = [];
  for (const backend of options.backends) {
    const device = await startDevice(programs, backend, { polling: true });
    started.push(stack.use(device));
  }
  const evp = stack.use(await startEvpDevice(programs, { polling: true }));
  const comparisons: Comparison[] = [];
  for (const load of loads) {
    const devices = [
      ...started,
      ...(dpdk && dpdkDoes(load) ? [dpdk] : []),
      evp,
    ];
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
