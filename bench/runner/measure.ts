/**
 * One measurement: the load generator against one device; and several devices
 * side by side.
 *
 * @module
 */

import { type BenchDevice, GENERATOR_CORE } from "./devices.ts";
import type { Programs } from "./programs.ts";

/** What the load generator is asked to do. */
export interface Load {
  /** Names of the generator's workloads, one per queue. */
  readonly algorithm: string;
  readonly size: number;
  readonly depth: number;
  readonly queues?: number;
  readonly sessions?: number;
  /** Descriptors for the data of each direction. */
  readonly pieces?: number;
  /** Sleeps on the call descriptor instead of polling. */
  readonly sleeping?: boolean;
  readonly rate?: number;
}

/** Latencies in microseconds. */
export interface QueueResult {
  readonly algorithm: string;
  readonly requestsPerSecond: number;
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** The generator's line. */
export interface LoadResult {
  readonly size: number;
  readonly depth: number;
  readonly sessions: number;
  readonly descriptors: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Requests per second of the fastest tenth of all windows of 1 ms. */
  readonly undisturbed: number;
  readonly deviceCpuSeconds: number;
  readonly generatorCpuSeconds: number;
  readonly queues: readonly QueueResult[];
}

interface IdleResult {
  readonly idleSeconds: number;
  readonly deviceCpuSeconds: number;
}

/** The device has not what a load asks for. */
export class NotOffered extends Error {
  override name = "NotOffered";
}

async function generate<Result>(
  programs: Programs,
  device: BenchDevice,
  words: readonly string[],
): Promise<Result> {
  const pinned = GENERATOR_CORE === undefined
    ? []
    : ["--cpu", `${GENERATOR_CORE}`];
  device.resume();
  const { success, stdout, stderr } = await new Deno.Command(programs.load, {
    args: [
      ...["--socket", device.socketPath, ...pinned, ...words],
      ...(device.sessionMessages ? ["--session-messages"] : []),
    ],
  }).output();
  device.pause();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  const reason = new TextDecoder().decode(stderr).trim();
  const Problem = /refused the session/.test(reason) ? NotOffered : Error;
  throw new Problem(`${device.name}, ${words.join(" ")}: ${reason}`);
}

const words = (load: Load): string[] => [
  ...["--algorithm", load.algorithm, "--size", `${load.size}`],
  ...["--depth", `${load.depth}`, "--queues", `${load.queues ?? 1}`],
  ...["--sessions", `${load.sessions ?? 1}`],
  ...["--pieces", `${load.pieces ?? 1}`],
  ...(load.sleeping ? ["--sleep"] : []),
  ...(load.rate === undefined ? [] : ["--rate", `${load.rate}`]),
];

/** Until the hot path is compiled. */
const WARM_SECONDS = 0.5;

/** Runs the load for a while. */
export function measure(
  programs: Programs,
  device: BenchDevice,
  load: Load,
  seconds: number,
): Promise<LoadResult> {
  return generate(programs, device, [
    ...words(load),
    ...["--warm", `${WARM_SECONDS}`, "--seconds", `${seconds}`],
  ]);
}

/** The part of a core that the device uses while a connected guest is idle. */
export async function measureIdle(
  programs: Programs,
  device: BenchDevice,
  seconds: number,
): Promise<number> {
  const load = words({ algorithm: "aes-128-cbc", size: 64, depth: 1 });
  const result = await generate<IdleResult>(
    programs,
    device,
    [...load, "--idle", `${seconds}`],
  );
  return result.deviceCpuSeconds / result.idleSeconds;
}

/** The middle value; of an even number the upper one of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** One load on several devices. */
export interface Comparison {
  readonly load: Load;
  /** Medians of the undisturbed requests per second, by device. */
  readonly rates: Readonly<Record<string, number>>;
  /** Medians of each round's rate divided by that of the last device. */
  readonly ratios: Readonly<Record<string, number>>;
}

async function rateOf(
  programs: Programs,
  device: BenchDevice,
  load: Load,
  seconds: number,
): Promise<number> {
  try {
    return (await measure(programs, device, load, seconds)).undisturbed;
  } catch (error) {
    if (error instanceof NotOffered) return NaN;
    throw error;
  }
}

/** Runs the load on all devices in turn, and that several times. */
export async function compare(
  programs: Programs,
  devices: readonly BenchDevice[],
  load: Load,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Comparison> {
  const rates = devices.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, device] of devices.entries()) {
      rates[index]!.push(await rateOf(programs, device, load, seconds));
    }
  }
  const baseline = rates.at(-1)!;
  const named = (value: (index: number) => number) =>
    Object.fromEntries(
      devices.map(({ name }, index) => [name, value(index)] as const)
        .filter(([, figure]) => !Number.isNaN(figure)),
    );
  return {
    load,
    rates: named((index) => median(rates[index]!)),
    ratios: named((index) =>
      median(rates[index]!.map((rate, round) => rate / baseline[round]!))
    ),
  };
}
