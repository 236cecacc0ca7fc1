import { ok, strictEqual } from "node:assert/strict";
import { newThrottleState, Throttle, type ThrottleLimits } from "./throttle.ts";

const NONE: ThrottleLimits = {
  requestsPerSecond: undefined,
  requestBurst: 0,
  bytesPerSecond: undefined,
  byteBurst: 0,
};

/** A throttle on a clock that the test sets. */
function throttle(limits: Partial<ThrottleLimits>, startMs = 0) {
  const clock = { ms: startMs };
  const state = newThrottleState({ ...NONE, ...limits });
  const ring = () => new Throttle(state, () => clock.ms);
  return { clock, ring, one: ring() };
}

/** Takes all there is room for, once a millisecond; returns how many requests. */
function greedy(
  one: Throttle,
  clock: { ms: number },
  milliseconds: number,
  bytes = 0,
): number {
  let taken = 0;
  for (let i = 0; i < milliseconds; i++, clock.ms++) {
    const count = one.room(64);
    if (count > 0) one.taken(count, count * bytes);
    taken += count;
  }
  return taken;
}

const near = (found: number, expected: number, part = 0.02) =>
  ok(
    Math.abs(found - expected) <= expected * part,
    `${found} instead of ${expected}`,
  );

Deno.test("a rate holds, whatever it is, after a burst", () => {
  for (const perSecond of [3, 50, 999, 20_000]) {
    const requestBurst = Math.max(10, perSecond / 10);
    const { clock, one } = throttle({
      requestsPerSecond: perSecond,
      requestBurst,
    });
    strictEqual(one.room(1e9), Math.floor(requestBurst));
    near(greedy(one, clock, 20_000), requestBurst + 20 * perSecond);
  }
});

Deno.test("bytes are waited for after they came, and the rate holds", () => {
  for (const size of [100, 1 << 20]) {
    const { clock, one } = throttle({
      bytesPerSecond: 1 << 20,
      byteBurst: 1 << 10,
    });
    one.taken(1, size);
    let sent = size;
    for (; clock.ms < 60_000; clock.ms += Math.max(1, one.waitMs())) {
      for (; one.room(1) > 0; sent += size) one.taken(1, size);
    }
    near(sent, 60 * (1 << 20), 0.03);
  }
});

Deno.test("the wait is as long as it takes, and no longer", () => {
  const { clock, one } = throttle({ requestsPerSecond: 4, requestBurst: 1 });
  strictEqual(one.waitMs(), 0);
  one.taken(1, 0);
  strictEqual(one.room(9), 0);
  strictEqual(one.waitMs(), 250);
  clock.ms += 100;
  strictEqual(one.waitMs(), 150);
  clock.ms += 149;
  strictEqual(one.room(9), 0);
  clock.ms += 1;
  strictEqual(one.room(9), 1);
  strictEqual(one.waitMs(), 0);
});

Deno.test("both limits hold at a time", () => {
  const limits = { requestsPerSecond: 1000, requestBurst: 1 };
  const { clock, one } = throttle({
    ...limits,
    bytesPerSecond: 10_000,
    byteBurst: 1,
  });
  near(greedy(one, clock, 10_000, 100), 1000, 0.05);
  const other = throttle({ ...limits, bytesPerSecond: 1e9, byteBurst: 1 });
  near(greedy(other.one, other.clock, 10_000, 100), 10_000, 0.05);
});

Deno.test("rings of a guest share what it may have", () => {
  const { clock, ring } = throttle({ requestsPerSecond: 100, requestBurst: 1 });
  const rings = [ring(), ring(), ring()];
  const taken = [0, 0, 0];
  for (; clock.ms < 30_000; clock.ms++) {
    rings.forEach((one, i) => {
      const count = one.room(64);
      if (count > 0) one.taken(count, 0);
      taken[i]! += count;
    });
  }
  near(taken.reduce((sum, one) => sum + one), 3000);
});

Deno.test("a guest that was idle for long has its burst, and no debt", () => {
  for (const days of [0.1, 1, 3, 4, 5, 6, 7, 20, 50, 100, 1000]) {
    const { clock, one } = throttle(
      { requestsPerSecond: 100, requestBurst: 5 },
      12_345_678,
    );
    one.taken(50, 0);
    clock.ms += days * 24 * 3600 * 1000;
    strictEqual(one.room(9), 5, `${days} days`);
  }
});

Deno.test("a debt without bounds is forgotten some hours later", () => {
  const { clock, one } = throttle({ bytesPerSecond: 1, byteBurst: 1 });
  for (let i = 0; i < 10; i++) one.taken(1, 2 ** 28);
  ok(one.waitMs() > 3600_000);
  clock.ms += 20 * 3600 * 1000;
  strictEqual(one.waitMs(), 0);
});

Deno.test("no limit is no limit", () => {
  const { one } = throttle({});
  strictEqual(one.room(64), 64);
  one.taken(1e9, 1e12);
  strictEqual(one.waitMs(), 0);
});

Deno.test("the time that requests have waited is told, and no other", () => {
  const { clock, one } = throttle({ requestsPerSecond: 10, requestBurst: 1 });
  strictEqual(one.room(8), 1);
  strictEqual(one.taken(1, 0), 0);
  ok(!one.isWaiting);
  clock.ms += 40;
  strictEqual(one.room(8), 0);
  ok(one.isWaiting);
  clock.ms += 60;
  strictEqual(one.room(8), 1);
  strictEqual(one.taken(1, 0), 60);
  ok(!one.isWaiting);
  // Nothing was there when it might have been taken.
  strictEqual(one.room(8), 0);
  clock.ms += 500;
  strictEqual(one.room(8), 1);
  strictEqual(one.taken(0, 0), 0);
  strictEqual(one.room(8), 1);
  strictEqual(one.taken(1, 0), 0);
});
