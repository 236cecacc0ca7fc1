/**
 * All that product and oracle are compared over, in the short form for the tests
 * and in whole.
 *
 * @module
 */

import { randomRings, RINGS_PER_SEED } from "./random_rings.ts";
import { repeatedChains } from "./repeated_chains.ts";
import {
  completionOrders,
  largerRings,
  smallRings,
  smallTables,
  suppression,
} from "./ring_cases.ts";
import { slotBursts } from "./slot_bursts.ts";

/** A part of the comparison: returns how many cases there were. */
export interface Section {
  readonly name: string;
  /** Fewer mean that the section has lost what it is for. */
  readonly leastCases: number;
  run(): number;
}

/** How much is compared. */
export interface Extent {
  /** Rings and tables that are too many for the tests: all, or a sample. */
  readonly isWhole: boolean;
  readonly seed: number;
  readonly randomRings: number;
}

/** What runs in the tests. */
export const SHORT: Extent = { isWhole: false, seed: 1, randomRings: 150_000 };

/** A multiple of what one seed makes. */
const RANDOM_PART = RINGS_PER_SEED * 2 ** 14;
/** Sampling steps; they share no factor with the number of any kind. */
const TABLE_STEP = 13;
const LARGER_STEPS = { 3: 13, 4: 41 } as const;

/** The sections of one format. */
export function sections(packed: boolean, extent: Extent): Section[] {
  const { isWhole, seed } = extent;
  const step = (sampled: number) => ({ step: isWhole ? 1 : sampled });
  const larger = packed ? [3, 4] as const : [4] as const;
  const sizes = packed ? [1, 2, 3, 5] : [1, 2, 4];
  const bursts = isWhole ? 20 : 4;
  return [
    {
      name: "every ring of one descriptor",
      leastCases: 300,
      run: () => smallRings(1, packed, { step: 1 }),
    },
    {
      name: "every ring of two descriptors",
      leastCases: 150_000,
      run: () => smallRings(2, packed, { step: 1 }),
    },
    {
      name: `tables of two descriptors at every place`,
      leastCases: 80_000,
      run: () => smallTables(packed, step(TABLE_STEP)),
    },
    ...larger.map((size) => ({
      name: `rings of ${size} with at most one odd descriptor`,
      leastCases: 20_000,
      run: () => largerRings(size, packed, step(LARGER_STEPS[size])),
    })),
    {
      name: "every state of suppression",
      leastCases: 10_000,
      run: () =>
        sizes.reduce((sum, each) => sum + suppression(each, packed), 0),
    },
    {
      name: "every order of completion",
      leastCases: 80,
      run: () =>
        sizes.filter((size) => size < 5)
          .reduce((sum, each) => sum + completionOrders(each, packed), 0),
    },
    {
      name: "chains like the last one in their slot",
      leastCases: 2000,
      run: () => repeatedChains(packed, { step: 1 }),
    },
    {
      name: "bursts that keep many slots busy, chains like the last",
      leastCases: 3000,
      run: () => {
        let alike = 0;
        for (let i = 0; i < bursts; i++) {
          alike += slotBursts(packed, seed + i, 200);
        }
        return alike;
      },
    },
  ];
}

/** Random rings of both formats, in parts that show how far it is. */
export function randomSections({ seed, randomRings: count }: Extent) {
  const found: Section[] = [];
  for (let done = 0; done < count; done += RANDOM_PART) {
    const first = seed + done / RINGS_PER_SEED;
    const part = Math.min(RANDOM_PART, count - done);
    found.push({
      name: `random rings from seed ${first}`,
      leastCases: part,
      run: () => randomRings(first, part),
    });
  }
  return found;
}
