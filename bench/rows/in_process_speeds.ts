/**
 * Measures the code below a root in process: every operation of its list, small
 * and large. Prints JSON.
 *
 *     deno run -A --config ROOT/deno.json in_process_speeds.ts ROOT BACKEND SECONDS
 *
 * @module
 */

import { pathToFileURL } from "node:url";

type Operations = typeof import("../operations.ts");
type InProcess = typeof import("../runner/in_process_speed.ts");

const SIZES = [64, 1024, 16384];

async function main(words: readonly string[]): Promise<void> {
  const [root, backend, seconds] = words;
  const below = (path: string) => import(pathToFileURL(`${root}/${path}`).href);
  const { BENCH_OPERATIONS }: Operations = await below("bench/operations.ts");
  const { inProcessSpeed }: InProcess = await below(
    "bench/runner/in_process_speed.ts",
  );
  const speeds = [];
  for (const operation of BENCH_OPERATIONS) {
    for (const size of SIZES) {
      const bytesPerSecond = await inProcessSpeed(
        backend!,
        operation,
        size,
        Number(seconds),
      );
      speeds.push({ operation: operation.name, size, bytesPerSecond });
    }
  }
  console.log(JSON.stringify(speeds));
}

if (import.meta.main) await main(Deno.args);
