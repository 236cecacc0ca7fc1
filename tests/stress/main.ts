/**
 * Stresses what the tests stress for a moment, for as long as one likes:
 *
 *     deno task stress:stop --seconds N [--seed S]
 *
 * Ends with 1, and the seed that repeats it, when something is lost.
 *
 * @module
 */

import { Random } from "../../conformance/random.ts";
import { runTask, taskWords, wholeNumber } from "../../testing/task.ts";
import { PLANS } from "./plans.ts";
import { stressStops } from "./stop_stress.ts";

/** How long one connection is stressed. */
const ROUND_MS = 10_000;

async function main(args: string[]): Promise<number> {
  const { values } = taskWords({
    args,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
    },
  });
  const seed = wholeNumber(
    "seed",
    values.seed ?? `${Math.floor(Math.random() * 2 ** 32)}`,
  );
  const end = performance.now() +
    1000 * wholeNumber("seconds", values.seconds);
  console.log(`seed ${seed}`);
  for (let round = 0; performance.now() < end; round++) {
    const { name, ...plan } = PLANS[round % PLANS.length]!;
    const milliseconds = Math.min(ROUND_MS, end - performance.now());
    try {
      const counts = await stressStops(
        { ...plan, milliseconds },
        new Random(seed + round),
      );
      console.log(`${name}: ${JSON.stringify(counts)}`);
    } catch (error) {
      console.error(`${name}, seed ${seed + round}: ${error}`);
      return 1;
    }
  }
  return 0;
}

if (import.meta.main) {
  await runTask({
    usage: "stress:stop [--seconds N] [--seed S]",
    about: "starts and stops queues under load, and tells what gets lost",
  }, main);
}
