/**
 * The whole comparison of the product's rings with the oracle's:
 * `deno task oracle [--seed S] [--count N]`. With `--count`, random rings alone.
 *
 * @module
 */

import { runTask, taskWords, wholeNumber } from "../task.ts";
import { Mismatch } from "./ring_pair.ts";
import { randomSections, type Section, sections } from "./sections.ts";

const RANDOM_RINGS = 10_000_000;

/** Runs a section; false where product and oracle are not of one mind. */
function passes(kind: string, section: Section): boolean {
  const start = performance.now();
  try {
    const cases = section.run();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${kind}: ${section.name}: ${cases} cases, ${seconds} s`);
    return true;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    console.error(`${kind}: ${section.name}: ${error.message}`);
    return false;
  }
}

function main(args: string[]): number {
  const { values } = taskWords({
    args,
    options: { seed: { type: "string" }, count: { type: "string" } },
  });
  const seed = values.seed ?? `${Math.floor(Math.random() * 2 ** 32)}`;
  const extent = {
    isWhole: true,
    seed: wholeNumber("seed", seed),
    randomRings: wholeNumber("count", values.count ?? `${RANDOM_RINGS}`),
  };
  console.log(`seed ${extent.seed}`);
  let failures = 0;
  for (const packed of values.count === undefined ? [false, true] : []) {
    for (const section of sections(packed, extent)) {
      if (!passes(packed ? "packed" : "split", section)) failures++;
    }
  }
  for (const section of randomSections(extent)) {
    if (!passes("both", section)) failures++;
  }
  return failures === 0 ? 0 : 1;
}

await runTask({
  usage: "oracle [--seed S] [--count N]",
  about: "serves all rings that the oracle has, by it and by the product; " +
    "with --count, random rings alone",
}, main);
