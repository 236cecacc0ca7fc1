import { ok, strictEqual } from "node:assert/strict";
import { SpinPolicy } from "./spin_policy.ts";

/**
 * Lets a driver send which is idle after each request; returns the part of the
 * idle moments of a second, after the policy's first trials, in which it spun.
 */
function shareOfSpins(gapMs: (spins: boolean) => number): number {
  const policy = new SpinPolicy();
  let spun = 0;
  let idle = 0;
  let requests = 0;
  let spins = true;
  for (let now = 5; now < 1105; now += gapMs(spins)) {
    spins = policy.decide(now, ++requests);
    if (now < 105) continue;
    idle++;
    if (spins) spun++;
  }
  return spun / idle;
}

Deno.test("a driver that waits for each answer is spun for", () => {
  const share = shareOfSpins((spins) => spins ? 0.02 : 0.06);
  ok(share > 0.98, `${share}`);
});

Deno.test("a driver with a pace of its own is hardly spun for", () => {
  for (const gapMs of [0.016, 0.1, 1]) {
    const share = shareOfSpins(() => gapMs);
    ok(share < 0.03, `${gapMs} ms: ${share}`);
  }
});

Deno.test("the policy notices when a driver changes", () => {
  const policy = new SpinPolicy();
  let requests = 0;
  let now = 0;
  let spins = true;
  const run = (untilMs: number, gapMs: (spins: boolean) => number) => {
    while (now < untilMs) {
      now += gapMs(spins);
      spins = policy.decide(now, ++requests);
    }
  };
  run(300, (spins) => spins ? 0.02 : 0.06);
  strictEqual(spins, true);
  run(900, () => 0.05);
  strictEqual(spins, false);
  run(1500, (spins) => spins ? 0.02 : 0.06);
  strictEqual(spins, true);
});

Deno.test("a trial that something else disturbs changes nothing", () => {
  const policy = new SpinPolicy();
  let spins = true;
  let idle = 0;
  let spun = 0;
  let isDisturbed = false;
  for (let now = 5; now < 805; now += spins ? 0.02 : 0.06) {
    if (now > 414 && !isDisturbed) {
      // Within the second trial, for most of it.
      isDisturbed = true;
      now += 3;
    }
    spins = policy.decide(now, ++idle);
    if (spins) spun++;
  }
  ok(spun / idle > 0.98, `${spun / idle}`);
});
