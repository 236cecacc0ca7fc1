/**
 * The words of the bench commands.
 *
 * @module
 */

import { taskWords } from "../../testing/task.ts";
import { type BenchBackend, chosenBackends } from "./chosen_backends.ts";

/** What all commands that use the load generator take. */
export interface BenchOptions {
  readonly backends: readonly BenchBackend[];
  /** Of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  /** Whether DPDK takes part: `start` it, or use one that was started by hand. */
  readonly dpdk:
    | "start"
    | { readonly socketPath: string; readonly pid: number }
    | undefined;
  /** Only rows whose name contains it. */
  readonly only: string;
  /** Commit that the speeds in process are compared with. */
  readonly against: string | undefined;
  /** File for the figures. */
  readonly output: string | undefined;
}

const STARTED_BY_HAND = /^(.+),(\d+)$/;

function dpdkOption(word: string | undefined): BenchOptions["dpdk"] {
  if (word === undefined || word === "start") return word;
  const [, socketPath, pid] = STARTED_BY_HAND.exec(word) ?? [];
  if (socketPath !== undefined) return { socketPath, pid: Number(pid) };
  throw new RangeError(`--dpdk ${word}: expected SOCKET,PID or nothing`);
}

function positive(name: string, word: string | undefined, otherwise: number) {
  const value = Number(word ?? otherwise);
  if (value > 0) return value;
  throw new RangeError(`--${name} ${word}: expected a number above 0`);
}

/** `--dpdk` alone means that the bench starts it. */
const withValues = (words: readonly string[]) =>
  words.map((word, i) =>
    word === "--dpdk" && !STARTED_BY_HAND.test(words[i + 1] ?? "")
      ? "--dpdk=start"
      : word
  );

/** What stands behind a bench, for its help. */
export const BENCH_USAGE = "[--backend LIST] [--seconds S] [--rounds N] " +
  "[--dpdk [SOCKET,PID]] [--only TEXT] [--against COMMIT] [--output FILE]";

function parseWords(words: readonly string[]) {
  return taskWords({
    args: withValues(words),
    options: {
      backend: { type: "string" },
      seconds: { type: "string" },
      rounds: { type: "string" },
      dpdk: { type: "string" },
      only: { type: "string" },
      against: { type: "string" },
      output: { type: "string" },
    },
  }).values;
}

/** Parses `--backend LIST --seconds S --rounds N --dpdk [SOCKET,PID] --only TEXT --against COMMIT --output FILE`. */
export async function parseBenchOptions(
  words: string[],
  defaults: { seconds: number; rounds: number },
): Promise<BenchOptions> {
  const values = parseWords(words);
  return {
    backends: await chosenBackends(values.backend),
    seconds: positive("seconds", values.seconds, defaults.seconds),
    rounds: positive("rounds", values.rounds, defaults.rounds),
    dpdk: dpdkOption(values.dpdk),
    only: values.only ?? "",
    against: values.against,
    output: values.output,
  };
}
