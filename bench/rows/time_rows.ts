/**
 * A device over time: its processor time at a low load, and how soon after its
 * start it is at its best.
 *
 * @module
 */

import type { BenchDevice } from "../runner/devices.ts";
import type { BenchRun } from "../runner/bench_run.ts";
import { type Load, measure, measureCurve, median } from "../runner/measure.ts";
import { atMost, type Finding, type Row } from "../runner/targets.ts";

const LOW_LOAD = 0.1;
/** Processor time is told in hundredths of a second. */
const LEAST_CPU_SECONDS = 1;
const CURVE_SECONDS = 5;
const SLICE_SECONDS = 0.1;
/** At its best: this part of what the last second does. */
const NEARLY = 0.95;

/** Processors taken at one rate by a device, and by the plain C one that sleeps. */
interface LowLoad {
  readonly device: number;
  readonly plain: number;
}

/** A tenth of what the depth allows, in bursts of 32 and one by one. */
export function lowLoadRows(run: BenchRun): Row[] {
  const { programs, options } = run;
  const seconds = Math.max(options.seconds, LEAST_CPU_SECONDS);
  const cores = async (device: BenchDevice, load: Load): Promise<number> => {
    const low = await measure(programs, device, load, seconds);
    return low.deviceCpuSeconds / low.seconds;
  };
  const part = async (backend: string, depth: number): Promise<LowLoad> => {
    const device = await run.device(backend);
    const load: Load = { algorithm: "aes-128-cbc", size: 1024, depth };
    const full = await measure(programs, device, load, options.seconds);
    const low = { ...load, rate: Math.round(full.undisturbed * LOW_LOAD) };
    return {
      device: await cores(device, low),
      plain: await cores(await run.sleepingEvpDevice(), low),
    };
  };
  const names = options.backends.map(({ name }) => name)
    .filter((name) => name !== "noble");
  return names.map((backend) => ({
    name: `processor at a tenth of the load, ${backend}, 1 KiB`,
    async *measure() {
      const bursts: LowLoad[] = [];
      const single: LowLoad[] = [];
      for (let round = 0; round < options.rounds; round++) {
        bursts.push(await part(backend, 32));
        single.push(await part(backend, 1));
      }
      yield lowLoadFinding(`${this.name}, bursts of 32`, bursts, 0.12);
      yield lowLoadFinding(`${this.name}, depth 1`, single, 0.25);
    },
  }));
}

const lowLoadFinding = (
  name: string,
  loads: readonly LowLoad[],
  most: number,
): Finding => {
  const plain = median(loads.map((load) => load.plain));
  return {
    name,
    value: median(loads.map(({ device }) => device)),
    unit: "cores",
    target: atMost(most),
    detail: `C over EVP, asleep between bursts: ${plain.toFixed(2)}`,
  };
};

const middle = (rates: readonly number[]) =>
  median(rates.filter((rate) => rate > 0));

/**
 * The curve of the rounds together. A slice in which the generator got no whole
 * window says nothing.
 */
export function middleCurve(
  curves: readonly (readonly number[])[],
): readonly number[] {
  return (curves[0] ?? []).map((_, slice) =>
    middle(curves.map((curve) => curve[slice] ?? 0))
  );
}

/** Seconds to the end of the first slice that is nearly as fast as the last ones. */
export function secondsToBest(curve: readonly number[]): number {
  const best = middle(curve.slice(-Math.round(1 / SLICE_SECONDS)));
  const first = curve.findIndex((rate) => rate >= NEARLY * best);
  return first < 0 ? NaN : (first + 1) * SLICE_SECONDS;
}

const SHOWN_SECONDS = [0.1, 0.2, 0.5, 1, 2, 3, 5];

const curveText = (curve: readonly number[]): string =>
  SHOWN_SECONDS.map((seconds) => {
    const rate = curve[Math.round(seconds / SLICE_SECONDS) - 1] ?? NaN;
    return `${seconds} s ${(rate / 1e3).toFixed(0)}`;
  }).join(", ") + " thousand/s";

/** How soon a device that has just been started is at its best. */
export function startRows(run: BenchRun): Row[] {
  const { programs, options } = run;
  return run.names(["openssl", "ipsec-mb"]).map((backend) => ({
    name: `best speed after a start, ${backend}, AES-128-CBC 64 B`,
    async *measure() {
      const curves: (readonly number[])[] = [];
      for (let round = 0; round < options.rounds; round++) {
        await using device = await run.start(backend);
        const load = { algorithm: "aes-128-cbc", size: 64, depth: 32 };
        curves.push(
          await measureCurve(
            programs,
            device,
            load,
            CURVE_SECONDS,
            SLICE_SECONDS,
          ),
        );
      }
      const curve = middleCurve(curves);
      yield {
        name: this.name,
        value: secondsToBest(curve),
        unit: "s",
        target: atMost(1),
        detail: curveText(curve),
      };
    },
  }));
}
