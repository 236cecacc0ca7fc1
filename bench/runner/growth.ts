/**
 * How the cost of a request grows with its size, with the requests in flight, the
 * queues, the sessions and the descriptors of its chain.
 *
 * @module
 */

import type { BenchRun } from "./bench_run.ts";
import { startDevice, startEvpDevice } from "./devices.ts";
import { compare, type Load } from "./measure.ts";
import { sizeText } from "./table.ts";
import { dpdkDoes } from "./throughput.ts";

const BASE: Load = { algorithm: "aes-128-cbc", size: 64, depth: 32 };

/** One dimension: loads that differ in one number only. */
export interface Dimension {
  readonly name: string;
  readonly unit: string;
  /** What does not differ, for a title. */
  readonly fixed: string;
  readonly values: readonly number[];
  readonly load: (value: number) => Load;
  /** How a value is shown. */
  readonly text?: (value: number) => string;
  /** DPDK's device is measured, too, up to the size and number that it takes. */
  readonly dpdk?: true;
}

/** The dimensions of the report's growth charts. */
export const DIMENSIONS: readonly Dimension[] = [
  {
    name: "size",
    unit: "bytes of data",
    fixed: "32 in flight",
    values: [16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1 << 20],
    load: (size) => ({ ...BASE, size }),
    text: sizeText,
    dpdk: true,
  },
  {
    name: "depth",
    unit: "requests in flight",
    fixed: "64 B",
    values: [1, 4, 16, 32, 128],
    load: (depth) => ({ ...BASE, depth }),
    dpdk: true,
  },
  {
    name: "queues",
    unit: "data queues",
    fixed: "16 KiB, 16 in flight in each",
    values: [1, 2, 4],
    load: (queues) => ({ ...BASE, size: 16384, depth: 16, queues }),
  },
  {
    name: "sessions",
    unit: "sessions in random use",
    fixed: "64 B, 32 in flight",
    values: [1, 10, 100, 1000, 10000],
    load: (sessions) => ({ ...BASE, sessions }),
    dpdk: true,
  },
  {
    name: "descriptors",
    unit: "descriptors for each of source and destination",
    fixed: "4 KiB, 32 in flight",
    values: [1, 2, 4, 8, 16, 32],
    load: (pieces) => ({ ...BASE, size: 4096, pieces }),
  },
];

/** Nanoseconds per request by value; a line of a chart. */
export interface GrowthLine {
  readonly dimension: string;
  readonly device: string;
  readonly points: readonly (readonly [value: number, nanoseconds: number])[];
}

/** Measures one dimension on this project's backends and the peers. */
export async function measureGrowth(
  run: BenchRun,
  dimension: Dimension,
): Promise<GrowthLine[]> {
  const { programs, options } = run;
  const dpdk = dimension.dpdk && await run.dpdk();
  const queues = dimension.name === "queues"
    ? Math.max(...dimension.values)
    : 1;
  const how = { polling: queues === 1, queues, anywhere: queues > 1 };
  await using stack = new AsyncDisposableStack();
  const devices = [];
  for (const backend of options.backends) {
    devices.push(stack.use(await startDevice(programs, backend, how)));
  }
  devices.push(stack.use(await startEvpDevice(programs, how)));
  if (dpdk) devices.push(dpdk);
  const lines = devices.map(({ name }) => ({
    dimension: dimension.name,
    device: name,
    points: [] as [number, number][],
  }));
  for (const value of dimension.values) {
    const load = { ...dimension.load(value), sleeping: queues > 1 };
    const able = devices.filter((one) => one !== dpdk || dpdkDoes(load));
    const { rates } = await compare(programs, able, load, options);
    for (const { device, points } of lines) {
      const rate = rates[device];
      if (rate !== undefined) points.push([value, 1e9 / rate]);
    }
  }
  return lines;
}
