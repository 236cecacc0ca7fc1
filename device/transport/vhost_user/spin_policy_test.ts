import { ok, strictEqual } from "node:assert/strict";
import { SpinPolicy } from "./spin_policy.ts";

/** Milliseconds of a driver from one idle moment of the thread to the next … */
interface Pace {
  readonly spinning: number;
  readonly sleeping: number;
  /** … of which a thread that sleeps does so for this part. */
  readonly slept: number;
}

const WAITS_FOR_ANSWERS: Pace = { spinning: 0.02, sleeping: 0.06, slept: 0.8 };

/** A thread with one driver, which sends a request at each idle moment. */
class Bed {
  readonly #policy = new SpinPolicy();
  #nowMs = 5;
  #sleptMs = 0;
  #requests = 0;
  spins = true;

  /** Returns in which part of the idle moments the policy spun. */
  run(untilMs: number, { spinning, sleeping, slept }: Pace): number {
    let spun = 0;
    const before = this.#requests;
    while (this.#nowMs < untilMs) {
      this.#nowMs += this.spins ? spinning : sleeping;
      if (!this.spins) this.#sleptMs += slept * sleeping;
      const requests = ++this.#requests;
      this.spins = this.#policy.decide(this.#nowMs, requests, this.#sleptMs);
      if (this.spins) spun++;
    }
    return spun / (this.#requests - before);
  }

  /** Something else has the processor. */
  disturb(ms: number): void {
    this.#nowMs += ms;
  }
}

const ownPace = (gapMs: number): Pace => ({
  spinning: gapMs,
  sleeping: gapMs,
  slept: 0.9,
});

Deno.test("a driver that waits for each answer is spun for", () => {
  const share = new Bed().run(1005, WAITS_FOR_ANSWERS);
  ok(share > 0.97, `${share}`);
});

Deno.test("a driver with a pace of its own is hardly spun for, after the first trials", () => {
  for (const gapMs of [0.016, 0.1, 1]) {
    const bed = new Bed();
    bed.run(105, ownPace(gapMs));
    const share = bed.run(1105, ownPace(gapMs));
    ok(share < 0.03, `${gapMs} ms: ${share}`);
  }
});

Deno.test("a driver that keeps the thread busy is spun for, which costs nothing", () => {
  const bed = new Bed();
  const share = bed.run(1005, { spinning: 0.02, sleeping: 0.02, slept: 0.1 });
  ok(share > 0.97, `${share}`);
  const idler = bed.run(2005, { spinning: 0.02, sleeping: 0.02, slept: 0.2 });
  ok(idler < 0.5, `${idler}`);
});

Deno.test("the policy notices when a driver changes", () => {
  const bed = new Bed();
  bed.run(300, WAITS_FOR_ANSWERS);
  strictEqual(bed.spins, true);
  bed.run(900, ownPace(0.05));
  strictEqual(bed.spins, false);
  bed.run(1500, WAITS_FOR_ANSWERS);
  strictEqual(bed.spins, true);
});

Deno.test("a trial that something else disturbs changes nothing", () => {
  const bed = new Bed();
  // The second trial begins at 413 ms.
  bed.run(414, WAITS_FOR_ANSWERS);
  bed.disturb(3);
  const share = bed.run(805, WAITS_FOR_ANSWERS);
  ok(share > 0.97, `${share}`);
});
