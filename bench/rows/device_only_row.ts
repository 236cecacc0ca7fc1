/**
 * Rounds of `bench/device_only.ts`, one process for each figure.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { median, type Rounds } from "../runner/measure.ts";
import { atMost, type Finding, type Row } from "../runner/targets.ts";

const PROGRAM = fileURLToPath(new URL("../device_only.ts", import.meta.url));

interface Shape {
  readonly format: "split" | "packed";
  readonly burst: number;
  /** Whether the ring is kept for the next process. */
  readonly kept?: boolean;
}

const SHAPES: readonly Shape[] = [
  { format: "split", burst: 1 },
  { format: "packed", burst: 1 },
  { format: "split", burst: 32 },
  { format: "packed", burst: 32 },
  { format: "split", burst: 32, kept: true },
  { format: "packed", burst: 32, kept: true },
];
const SINGLE_TARGET = atMost(450);

async function measureShape(
  { format, burst, kept }: Shape,
  seconds: number,
): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", PROGRAM, "--here"],
      ...[format, `${burst}`, `${seconds}`, ...kept ? ["kept"] : []],
    ],
  }).output();
  const text = new TextDecoder();
  if (success) return Number(text.decode(stdout));
  throw new Error(`bench/device_only.ts: ${text.decode(stderr)}`);
}

/** Nanoseconds of the device for each request. */
export function deviceOnlyRow({ rounds, seconds }: Rounds): Row {
  return {
    name: "device only",
    async *measure() {
      const times = SHAPES.map((): number[] => []);
      for (let round = 0; round < rounds; round++) {
        for (const [index, shape] of SHAPES.entries()) {
          times[index]!.push(await measureShape(shape, seconds));
        }
      }
      yield* SHAPES.map(({ format, burst, kept }, index): Finding => ({
        name: `${this.name}, ${format} ring${
          kept ? " that is kept" : ""
        }, bursts of ${burst}, 64 B`,
        value: median(times[index]!),
        unit: "ns per request",
        ...(burst === 1 ? { target: SINGLE_TARGET } : {}),
      }));
    },
  };
}
