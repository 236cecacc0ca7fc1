import { strictEqual } from "node:assert/strict";
import { DriverLife, type RingPlan } from "./driver_life.ts";

const plan = (base: number, change: Partial<RingPlan> = {}): RingPlan => ({
  size: 64,
  packed: false,
  descriptorAddress: 0x1000,
  availableAddress: 0x2000,
  usedAddress: 0x3000,
  base,
  ...change,
});

const ring = (index: number, runs: RingPlan, told = true) => ({
  index,
  plan: runs,
  told,
});

/** A life whose rings have stopped at these positions, by index. */
function stoppedLife(...positions: number[]): DriverLife {
  const life = new DriverLife();
  positions.forEach((base, index) => life.ringStopped(index, plan(base)));
  life.allStopped(7);
  return life;
}

Deno.test("while rings run, one that starts says nothing of the driver", () => {
  const life = new DriverLife();
  life.ringStopped(0, plan(5));
  strictEqual(life.judge(ring(0, plan(0)), []), "same");
  strictEqual(life.inDoubt, false);
});

Deno.test("a ring that goes on where it stopped is the same driver's", () => {
  strictEqual(stoppedLife(5, 0).judge(ring(0, plan(5)), []), "same");
});

Deno.test("a ring elsewhere, or of another size, or at other addresses is a new driver's", () => {
  const changes: Partial<RingPlan>[] = [
    { base: 0 },
    { base: 6 },
    { size: 32 },
    { packed: true },
    { descriptorAddress: 0x1100 },
    { availableAddress: 0x2100 },
    { usedAddress: 0x3100 },
  ];
  for (const change of changes) {
    const life = stoppedLife(5, 9);
    strictEqual(
      life.judge(ring(0, plan(5, change)), []),
      "new",
      JSON.stringify(change),
    );
  }
});

Deno.test("a ring at its start tells nothing: another does, told already or later", () => {
  const start = ring(0, plan(0));
  strictEqual(stoppedLife(0, 9).judge(start, []), "later");
  strictEqual(stoppedLife(0, 9).judge(start, [ring(1, plan(9))]), "same");
  strictEqual(stoppedLife(0, 9).judge(start, [ring(1, plan(0))]), "new");
});

Deno.test("one ring that tells of a new driver outweighs those that go on", () => {
  const others = [ring(1, plan(0))];
  strictEqual(stoppedLife(5, 9).judge(ring(0, plan(5)), others), "new");
});

Deno.test("where no ring can tell, the driver is a new one", () => {
  strictEqual(stoppedLife(0, 0).judge(ring(0, plan(0)), []), "new");
  strictEqual(stoppedLife(0).judge(ring(1, plan(0)), []), "new");
  const packed = { packed: true };
  const life = new DriverLife();
  life.ringStopped(0, plan(0x8000_8000, packed));
  life.allStopped(1);
  strictEqual(life.judge(ring(0, plan(0x8000_8000, packed)), []), "new");
});

Deno.test("a ring of which nothing was said since it stopped goes on", () => {
  strictEqual(stoppedLife(0).judge(ring(0, plan(0), false), []), "same");
});

Deno.test("the doubt is about the sessions of when it began, and ends", () => {
  const life = stoppedLife(5);
  life.allStopped(9);
  strictEqual(life.newestSession, 7);
  life.goesOn();
  strictEqual(life.inDoubt, false);
  strictEqual(life.stoppedAt(0), 5);
  life.allStopped(9);
  strictEqual(life.newestSession, 9);
  life.begins();
  strictEqual(life.inDoubt, false);
  strictEqual(life.stoppedAt(0), undefined);
});
