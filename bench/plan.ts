/**
 * What the benches have in common: sizes, group names, who takes part.
 *
 * @module
 */

import type { Probe } from "../backends/backend.ts";
import type { BenchOperation } from "./operations.ts";

/** Sizes of one request's data. */
export const BENCH_SIZES: readonly number[] = [
  64,
  256,
  1024,
  4096,
  16384,
  65536,
];

/** Requests of one iteration. */
export const BENCH_BURST = 32;

/** All backends of one operation and size are compared with each other. */
export function groupName(
  path: string,
  operation: BenchOperation,
  size: number,
): string {
  return `${path}, ${operation.name}, ${BENCH_BURST} × ${size} B`;
}

const GROUP = /^(raw|in process), (.+), (\d+) × (\d+) B$/;

/** What {@linkcode groupName} has made a name of. */
export function readGroupName(name: string) {
  const [, path, operation, burst, size] = GROUP.exec(name) ?? [];
  if (path === undefined) return undefined;
  return {
    path,
    operation: operation!,
    burst: Number(burst),
    size: Number(size),
  };
}

export function offersOperation(
  { offers }: Probe,
  { needs }: BenchOperation,
): boolean {
  return needs.every((name) =>
    offers.some(({ algorithm }) => algorithm === name)
  );
}
