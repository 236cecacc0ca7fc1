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
  /** Packed rings instead of split ones. */
  readonly packed?: boolean;
  /** Chains in the ring itself instead of in indirect tables. */
  readonly direct?: boolean;
  readonly eventIndex?: boolean;
  /** Sleeps on the call descriptor instead of polling. */
  readonly sleeping?: boolean;
  readonly rate?: number;
}

/** Latencies in microseconds. */
export interface QueueResult {
  readonly algorithm: string;
  readonly requests: number;
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
  await device.resume();
  const { success, stdout, stderr } = await new Deno.Command(programs.load, {
    args: [
      ...["--socket", device.socketPath, ...pinned, ...words],
      ...(device.sessionMessages ? ["--session-messages"] : []),
    ],
  }).output();
  await device.pause();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  const reason = new TextDecoder().decode(stderr).trim();
  const Problem = /refused the session|has no packed rings/.test(reason)
    ? NotOffered
    : Error;
  throw new Problem(`${device.name}, ${words.join(" ")}: ${reason}`);
}

const words = (load: Load): string[] => [
  ...["--algorithm", load.algorithm, "--size", `${load.size}`],
  ...["--depth", `${load.depth}`, "--queues", `${load.queues ?? 1}`],
  ...["--sessions", `${load.sessions ?? 1}`],
  ...["--pieces", `${load.pieces ?? 1}`],
  ...(load.packed ? ["--packed"] : []),
  ...(load.direct ? ["--direct"] : []),
  ...(load.eventIndex ? ["--event-idx"] : []),
  ...(load.sleeping ? ["--sleep"] : []),
  ...(load.rate === undefined ? [] : ["--rate", `${load.rate}`]),
];

/** Runs the load for a while, after a warm-up. */
export function measure(
  programs: Programs,
  device: BenchDevice,
  load: Load,
  seconds: number,
): Promise<LoadResult> {
  return generate(programs, device, [
    ...words(load),
    ...["--warm", `${device.warmSeconds}`, "--seconds", `${seconds}`],
  ]);
}

interface CurveResult {
  readonly sliceSeconds: number;
  /** Of each slice the fastest tenth of its windows of 1 ms. */
  readonly requestsPerSecond: readonly number[];
}

/** Requests per second of each slice of time from the first request on. */
export async function measureCurve(
  programs: Programs,
  device: BenchDevice,
  load: Load,
  seconds: number,
  sliceSeconds: number,
): Promise<readonly number[]> {
  const { requestsPerSecond } = await generate<CurveResult>(programs, device, [
    ...words(load),
    ...["--seconds", `${seconds}`, "--slices", `${sliceSeconds}`],
  ]);
  return requestsPerSecond;
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

/** One device under one load; several are compared by name. */
export interface Side {
  readonly name: string;
  readonly device: BenchDevice;
  readonly load: Load;
}

/** What came of several sides. */
export interface Comparison {
  /** That of the last side. */
  readonly load: Load;
  /** Medians of the undisturbed requests per second, by name. */
  readonly rates: Readonly<Record<string, number>>;
  /** Those medians divided by that of the last side. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** How long and how often each side is measured. */
export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
}

async function rateOf(
  programs: Programs,
  { device, load }: Side,
  seconds: number,
): Promise<number> {
  try {
    return (await measure(programs, device, load, seconds)).undisturbed;
  } catch (error) {
    if (error instanceof NotOffered) return NaN;
    throw error;
  }
}

/** Measures all sides in turn, and that several times. */
export async function compareSides(
  programs: Programs,
  sides: readonly Side[],
  { rounds, seconds }: Rounds,
): Promise<Comparison> {
  const rates = sides.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, side] of sides.entries()) {
      rates[index]!.push(await rateOf(programs, side, seconds));
    }
  }
  const medians = rates.map(median);
  const named = (value: (index: number) => number) =>
    Object.fromEntries(
      sides.map(({ name }, index) => [name, value(index)] as const)
        .filter(([, figure]) => !Number.isNaN(figure)),
    );
  return {
    load: sides.at(-1)!.load,
    rates: named((index) => medians[index]!),
    ratios: named((index) => medians[index]! / medians.at(-1)!),
  };
}

/** One load on several devices. */
export function compare(
  programs: Programs,
  devices: readonly BenchDevice[],
  load: Load,
  rounds: Rounds,
): Promise<Comparison> {
  const sides = devices.map((device) => ({ name: device.name, device, load }));
  return compareSides(programs, sides, rounds);
}
