import { ok, rejects, strictEqual } from "node:assert/strict";
import { createDevice, type DeviceOptions, Driver } from "../../../mod.ts";
import {
  cpuSecondsOf,
  PATIENCE_SECONDS,
  WAITING,
} from "../../../testing/rates.ts";

const DATA = new Uint8Array(4000).fill(9);

/** Hashes so often at once; returns how long that took, in seconds. */
async function secondsFor(
  count: number,
  options: DeviceOptions,
): Promise<number> {
  await using driver = await Driver.start(await createDevice(options));
  await using hash = await driver.hash({ algorithm: "sha256" });
  const start = performance.now();
  const digests = await Promise.all(
    Array.from({ length: count }, () => hash.digest(DATA)),
  );
  strictEqual(new Set(digests.map((digest) => digest.toHex())).size, 1);
  return (performance.now() - start) / 1000;
}

Deno.test("requests above the rate wait, and cost nothing meanwhile", async () => {
  const limits = { throttleOps: 40, throttleOpsBurst: 10 };
  const unlimited = await cpuSecondsOf(() => secondsFor(40, {}));
  const limited = await cpuSecondsOf(async () => {
    const seconds = await secondsFor(40, limits);
    ok(seconds > 0.7 && seconds < PATIENCE_SECONDS, `${seconds} s`);
  });
  // Who looks again and again needs it all.
  ok(limited < unlimited + 0.35, `${limited} s of processor time`);
});

Deno.test("bytes above the rate wait, in all queues of a driver together", async () => {
  const seconds = await secondsFor(60, {
    throttleBps: 240_000,
    throttleBpsBurst: 24_000,
    dataQueues: 2,
  });
  ok(seconds > 0.8 && seconds < PATIENCE_SECONDS, `${seconds} s`);
});

Deno.test("a device with waiting requests resets and closes at once", async () => {
  const device = await createDevice({ throttleOps: 1, throttleOpsBurst: 1 });
  const driver = await Driver.start(device);
  const hash = await driver.hash({ algorithm: "sha256" });
  const outcomes = Promise.allSettled(
    Array.from({ length: WAITING }, () => hash.digest(DATA)),
  );
  await driver.close();
  strictEqual((await outcomes).at(-1)!.status, "rejected");
});

Deno.test("a rate that is none is refused by its name", async () => {
  const ops = "a whole number from 1 to 1000000000";
  const bps = "a whole number from 1024 to 1000000000000";
  for (
    const [options, expected] of [
      [{ throttleOps: 0 }, ops],
      [{ throttleBps: -1 }, bps],
      [{ throttleOps: 5, throttleOpsBurst: NaN }, ops],
      [{ throttleBps: 4096, throttleBpsBurst: Infinity }, bps],
      [{ throttleOps: 5, throttleBpsBurst: 4096 }, "throttleBps besides"],
      [{ throttleOpsBurst: 7 }, "throttleOps besides"],
    ] as const
  ) {
    const [name, value] = Object.entries(options).at(-1)!;
    await rejects(createDevice(options), {
      name: "RangeError",
      message:
        `Cannot make a device: ${name} is ${value}, expected ${expected}`,
    });
  }
});
