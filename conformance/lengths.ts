/**
 * The lengths that checks try.
 *
 * @module
 */

import { type Lengths, listLengths } from "../algorithms/catalogue.ts";
import { ARRANGEMENTS, type Layout } from "./operations.ts";
import type { Random } from "./random.ts";

const SMALL = [
  ...[0, 1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 49],
  ...[63, 64, 65, 71, 72, 73, 103, 104, 105, 127, 128, 129, 135, 136, 137],
  ...[143, 144, 145, 167, 168, 169, 255, 256, 257, 1000, 4095, 4096, 4097],
];
const LARGE = [65528, 65535, 65536, 65537, 65544, 65552];

/** Above this, a list of single bytes takes too long. */
const SINGLE_BYTES_LIMIT = 300;

/** What data may be: a multiple of a block, empty or at least a minimum. */
export interface DataRule {
  readonly blockBytes: number;
  readonly minimumBytes: number;
  readonly mayBeEmpty: boolean;
}

const obeys = (rule: DataRule) => (lengthBytes: number) =>
  lengthBytes % rule.blockBytes === 0 &&
  (lengthBytes >= rule.minimumBytes || (lengthBytes === 0 && rule.mayBeEmpty));

/** Short lengths around every block size in the catalogue. */
export function smallLengths(rule: DataRule): number[] {
  return SMALL.filter(obeys(rule));
}

/** Lengths around 64 KiB. */
function largeLengths(rule: DataRule): number[] {
  return LARGE.filter(obeys(rule));
}

/** All lengths around 64 KiB, or just one for the keys after the first. */
export function someLargeLengths(
  random: Random,
  rule: DataRule,
  isFirstKey: boolean,
): number[] {
  const all = largeLengths(rule);
  return isFirstKey ? all : [random.pick(all)];
}

/** All of a short set, or telling ones of a long set. */
export function sampleKeyLengths(lengths: Lengths): number[] {
  const count = (lengths.maximum - lengths.minimum) / lengths.step + 1;
  if (count <= 8) return listLengths(lengths);
  return [0, 1, 5, 16, 20, 63, 64, 65, 128, 129, 256, 1024]
    .filter((n) => n >= lengths.minimum && n <= lengths.maximum);
}

/** A layout for data of this length. */
export function randomLayout(random: Random, lengthBytes: number): Layout {
  const isShort = lengthBytes <= SINGLE_BYTES_LIMIT;
  return {
    pieces: random.pick(
      isShort ? ["whole", "random", "single-bytes"] : ["whole", "random"],
    ),
    arrangement: random.pick(ARRANGEMENTS),
  };
}

/** Every combination of cutting and placing. */
export const ALL_LAYOUTS: readonly Layout[] =
  (["whole", "random", "single-bytes"] as const).flatMap((pieces) =>
    ARRANGEMENTS.map((arrangement) => ({ pieces, arrangement }))
  );
