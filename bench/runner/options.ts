/**
 * The words of the bench commands.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { probeBackends } from "../../backends/probe.ts";

/** What all commands that use the load generator take. */
export interface BenchOptions {
  readonly backends: readonly string[];
  /** Of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  /** A DPDK that was started by hand. */
  readonly dpdk:
    | { readonly socketPath: string; readonly pid: number }
    | undefined;
  /** File for the figures. */
  readonly output: string | undefined;
}

async function readyBackends(): Promise<string[]> {
  const probed = await probeBackends();
  return probed.filter(({ probe }) => probe.ready)
    .map(({ backend }) => backend.name);
}

/** Parses `--backend LIST --seconds S --rounds N --dpdk SOCKET,PID --output FILE`. */
export async function parseBenchOptions(
  words: string[],
  defaults: { seconds: number; rounds: number },
): Promise<BenchOptions> {
  const { values } = parseArgs({
    args: words,
    options: {
      backend: { type: "string" },
      seconds: { type: "string" },
      rounds: { type: "string" },
      dpdk: { type: "string" },
      output: { type: "string" },
    },
  });
  const [socketPath, pid] = values.dpdk?.split(",") ?? [];
  return {
    backends: values.backend?.split(",") ?? await readyBackends(),
    seconds: Number(values.seconds ?? defaults.seconds),
    rounds: Number(values.rounds ?? defaults.rounds),
    dpdk: socketPath === undefined
      ? undefined
      : { socketPath, pid: Number(pid) },
    output: values.output,
  };
}
