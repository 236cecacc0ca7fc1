/**
 * Kills devices with -9 at their fault points, on every backend that is here:
 *
 *     deno task stress:kills [--kills N] [--seed S] [--backend NAME]
 *
 * Ends with 1, and the seed that repeats it, when a request is lost or differs.
 *
 * @module
 */

import { Random } from "../../conformance/random.ts";
import {
  Mistake,
  runTask,
  taskWords,
  wholeNumber,
} from "../../testing/task.ts";
import { stressKills } from "./faults/kill_stress.ts";
import { backendPlans } from "./faults/plans.ts";

async function main(args: string[]): Promise<number> {
  const { values } = taskWords({
    args,
    options: {
      kills: { type: "string", default: "1000" },
      seed: { type: "string" },
      backend: { type: "string" },
    },
  });
  const seed = wholeNumber(
    "seed",
    values.seed ?? `${Math.floor(Math.random() * 2 ** 32)}`,
  );
  const all = await backendPlans();
  for (const { name, part } of all) {
    if (!part.present) console.log(`${name} is not here: ${part.remedy}`);
  }
  const plans = all.filter(({ name, part }) =>
    part.present && name.startsWith(values.backend ?? "")
  );
  if (plans.length === 0) {
    const wanted = JSON.stringify(values.backend ?? "");
    throw new Mistake(
      `Cannot use option --backend ${wanted}: expected one of ${
        all.map(({ name }) => name).join(", ")
      } that is here`,
    );
  }
  const kills = wholeNumber("kills", values.kills);
  console.log(`seed ${seed}`);
  let requests = 0;
  let first = 0;
  for (const [index, plan] of plans.entries()) {
    // What cannot be shared out evenly is the last one's.
    const share = Math.floor(kills * (index + 1) / plans.length) - first;
    try {
      const random = new Random(seed + index);
      const counts = await stressKills(
        { ...plan, kills: share },
        first,
        random,
      );
      console.log(`${plan.name}: ${share} kills, ${JSON.stringify(counts)}`);
      requests += counts.requests;
    } catch (error) {
      console.error(`${plan.name}, seed ${seed}: ${error}`);
      return 1;
    }
    first += share;
  }
  console.log(`${first} kills, ${requests} requests, 0 lost, 0 different`);
  return 0;
}

if (import.meta.main) {
  await runTask({
    usage: "stress:kills [--kills N] [--seed S] [--backend NAME]",
    about: "kills devices at fault points under load, and tells what gets lost",
  }, main);
}
