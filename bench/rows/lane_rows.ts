/**
 * What a lane adds to a request: the same backend on the thread of the queue, and
 * with promises on a thread of its own.
 *
 * @module
 */

import type { BenchRun } from "../runner/bench_run.ts";
import { startDevice } from "../runner/devices.ts";
import { type Load, measure, median } from "../runner/measure.ts";
import { atMost, type Finding, type Row } from "../runner/targets.ts";

const LOAD: Load = {
  algorithm: "aes-128-cbc",
  size: 64,
  depth: 1,
  sleeping: true,
};

const backend = (manner: string) => ({
  name: manner,
  specifier: `${import.meta.resolve("./either_manner.ts")}?runs=${manner}`,
});

/** One request at a time; each wakes two threads more on a lane. */
export function laneRows({ programs, options }: BenchRun): Row[] {
  return [{
    name: "a lane, 64 B, one at a time",
    async *measure(): AsyncGenerator<Finding> {
      const how = { polling: false, anywhere: true };
      await using near = await startDevice(
        programs,
        backend("operations"),
        how,
      );
      await using far = await startDevice(
        programs,
        backend("asynchronous"),
        how,
      );
      const added = { p10: [] as number[], p50: [] as number[] };
      const whole = { p10: [] as number[], p50: [] as number[] };
      for (let round = 0; round < options.rounds; round++) {
        const [one, other] = [
          await measure(programs, near, LOAD, options.seconds),
          await measure(programs, far, LOAD, options.seconds),
        ];
        for (const part of ["p10", "p50"] as const) {
          const took = other.queues[0]![part];
          whole[part].push(took);
          added[part].push(took - one.queues[0]![part]);
        }
      }
      yield {
        name: `${this.name}: what it adds at best (p10)`,
        value: median(added.p10),
        unit: "µs",
        detail: `${median(whole.p10).toFixed(0)} µs`,
      };
      yield {
        name: `${this.name}: what it adds to the median`,
        value: median(added.p50),
        unit: "µs",
        target: atMost(60),
        detail: `${median(whole.p50).toFixed(0)} µs`,
      };
    },
  }];
}
