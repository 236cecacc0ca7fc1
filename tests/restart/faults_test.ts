import { ok } from "node:assert/strict";
import { Random } from "../../conformance/random.ts";
import { testWith } from "../../testing/real_parts.ts";
import { stressKills } from "./faults/kill_stress.ts";
import { backendPlans } from "./faults/plans.ts";

/** Three lives that end at a point of rings, of messages, and anywhere, and again. */
const KILLS = 9;
/** In the order of completion and out of it; `deno task stress:kills` has all. */
const NAMES = ["openssl", "qat on its stand-in"];

for (const [index, plan] of (await backendPlans()).entries()) {
  if (!NAMES.includes(plan.name)) continue;
  testWith(
    plan.part,
    `no request is lost or differs wherever a device ends: ${plan.name}`,
    async () => {
      // Another part of the points than the other backend's.
      const { requests, sessions, ends } = await stressKills(
        { ...plan, kills: KILLS },
        index * KILLS,
        new Random(index),
      );
      ok(requests > 0 && sessions > 0);
      const atPoints = Object.values(ends).reduce((sum, one) => sum + one, 0);
      ok(atPoints === KILLS, JSON.stringify(ends));
    },
  );
}
