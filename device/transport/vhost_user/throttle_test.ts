import { ok, strictEqual } from "node:assert/strict";
import type { Driver } from "../../../mod.ts";
import { attach } from "../../../testing/attached_driver.ts";
import {
  cpuSecondsOf,
  PATIENCE_SECONDS,
  WAITING,
} from "../../../testing/rates.ts";
import {
  startTestServer,
  type TestServer,
} from "../../../testing/vhost_user_server.ts";
import { Counter } from "../../queue_counts.ts";
import type { ThrottleLimits } from "../../throttle.ts";

const DATA = new Uint8Array(4000).fill(3);
const PER_SECOND = 40;
const BURST = 10;

const limited = (limits: Partial<ThrottleLimits>): Promise<TestServer> =>
  startTestServer(undefined, "noble", {
    throttle: {
      requestsPerSecond: undefined,
      requestBurst: 0,
      bytesPerSecond: undefined,
      byteBurst: 0,
      ...limits,
    },
  });

/** Seconds that so many hashes take, all asked for at once. */
async function secondsFor(driver: Driver, count: number): Promise<number> {
  await using hash = await driver.hash({ algorithm: "sha256" });
  const start = performance.now();
  await Promise.all(Array.from({ length: count }, () => hash.digest(DATA)));
  return (performance.now() - start) / 1000;
}

function waitedMs({ counters }: TestServer): number {
  return [...counters.values()]
    .reduce((sum, one) => sum + one[Counter.WaitedMs]!, 0);
}

Deno.test("what a guest sends above its rate waits, and nobody else does", async () => {
  await using server = await limited({
    requestsPerSecond: PER_SECOND,
    requestBurst: BURST,
  });
  await using other = await startTestServer();
  await using driver = await attach(server.path);
  await using free = await attach(other.path);
  strictEqual(driver.dataQueueCount, 2);
  const count = BURST + PER_SECOND;
  const unlimited = await cpuSecondsOf(() => secondsFor(free, 2 * count));
  let seconds = 0;
  const used = await cpuSecondsOf(async () => {
    [seconds] = await Promise.all([
      secondsFor(driver, count),
      secondsFor(free, count),
    ]);
  });
  ok(seconds > 0.9 && seconds < PATIENCE_SECONDS, `${seconds} s`);
  // As much work as before, and a second of waiting.
  ok(used < unlimited + seconds / 2, `a thread spins: ${used} s`);
  const waited = waitedMs(server);
  ok(waited > 500 && waited < 2000 * PATIENCE_SECONDS, `${waited} ms`);
  strictEqual(waitedMs(other), 0);
});

Deno.test("a rate of bytes holds for all rings of a guest together", async () => {
  await using server = await limited({
    bytesPerSecond: 40 * 4000,
    byteBurst: 4000,
  });
  await using driver = await attach(server.path);
  const seconds = await secondsFor(driver, 40);
  ok(seconds > 0.9 && seconds < PATIENCE_SECONDS, `${seconds} s`);
});

Deno.test("a guest cannot leave its rate behind by connecting anew", async () => {
  await using server = await limited({
    requestsPerSecond: 10,
    requestBurst: 5,
  });
  const start = performance.now();
  for (let i = 0; i < 3; i++) {
    await using driver = await attach(server.path);
    await secondsFor(driver, 5);
  }
  ok(performance.now() - start > 900);
});

Deno.test("rings with requests that wait stop at once", async () => {
  await using server = await limited({ requestsPerSecond: 1, requestBurst: 1 });
  const driver = await attach(server.path);
  const hash = await driver.hash({ algorithm: "sha256" });
  const outcomes = Promise.allSettled(
    Array.from({ length: WAITING }, () => hash.digest(DATA)),
  );
  await server.logged("requests wait");
  await driver.close();
  strictEqual((await outcomes).at(-1)!.status, "rejected");
  await server.logged("front-end gone");
});
