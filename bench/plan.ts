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

/** All backends of one operation and size are compared with each other. */
export function groupName(
  path: string,
  operation: BenchOperation,
  size: number,
): string {
  return `${path}: ${operation.name}, ${size} B`;
}

export function offersOperation(
  { offers }: Probe,
  { needs }: BenchOperation,
): boolean {
  return needs.every((name) =>
    offers.some(({ algorithm }) => algorithm === name)
  );
}
