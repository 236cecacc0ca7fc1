import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
} from "node:assert/strict";
import { connectVhostUser, createDevice, Driver } from "../../mod.ts";
import { Habit } from "../../testing/promising_backend.ts";
import { inSomeTry } from "../../testing/tries.ts";
import {
  eventually,
  guestMappings,
  startTestServer,
} from "../../testing/vhost_user_server.ts";

const PATIENT = import.meta.resolve("../../testing/patient_backend.ts");
const IV = new Uint8Array(16).fill(9);
const DATA = new Uint8Array(64).fill(3);
const TURNED = new Uint8Array(64).fill(0xfc);
/** Longer than operations are waited for when a ring stops, on any machine. */
const LONG_MS = 30_000;

const open = (driver: Driver, habit: Habit) =>
  driver.cipher({
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16).fill(habit),
  });

async function expectGood(driver: Driver): Promise<void> {
  await using good = await open(driver, Habit.Good);
  deepStrictEqual(await good.run(DATA, IV), TURNED);
}

/** A request that never ends, and so fails when its ring stops. */
async function beginEndless(driver: Driver): Promise<void> {
  const endless = await open(driver, Habit.NeverSettles);
  endless.run(DATA, IV).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
}

Deno.test("a reset in process does not wait for what an asynchronous backend never ends", async () => {
  const link = await createDevice({ backends: [PATIENT] });
  let driver = await Driver.start(link);
  await beginEndless(driver);
  const begun = performance.now();
  await link.reset();
  ok(performance.now() - begun < LONG_MS);
  strictEqual(link.status, 0);
  driver = await Driver.start(link);
  await expectGood(driver);
  await driver.close();
});

Deno.test("one queue is reset in process under operations that never end", async () => {
  const link = await createDevice({ backends: [PATIENT] });
  const driver = await Driver.start(link);
  await beginEndless(driver);
  await link.resetQueue(0);
  await driver.close();
});

Deno.test("a guest that goes leaves nothing mapped and the next is served, whatever the lane does", async () => {
  await using server = await startTestServer(undefined, PATIENT);
  const attach = async () =>
    await Driver.start(
      await connectVhostUser(server.path, { memoryBytes: 1 << 20 }),
    );
  const before = guestMappings();
  const first = await attach();
  await beginEndless(first);
  await first.close();
  await eventually(
    () => guestMappings() === before,
    () => `${guestMappings()} mappings, before ${before}`,
  );
  const second = await attach();
  await expectGood(second);
  await second.close();
});

Deno.test("a call that does not return is told once, its operations move on or fail, and the lane goes on after it", () =>
  inSomeTry(async () => {
    await using server = await startTestServer(undefined, PATIENT);
    const link = await connectVhostUser(server.path, { memoryBytes: 1 << 20 });
    await using driver = await Driver.start(link);
    const good = await open(driver, Habit.Good);
    deepStrictEqual(await good.run(DATA, IV), TURNED);
    const stuck = await open(driver, Habit.Blocks);
    const begun = performance.now();
    const first = rejects(stuck.run(DATA, IV), /ERR/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([first, rejects(good.run(DATA, IV), /ERR/)]);
    const ms = performance.now() - begun;
    ok(ms > 9000 && ms < 12_500, `${ms} ms`);
    // Nothing is given to it, and nobody waits.
    await rejects(good.run(DATA, IV), /ERR/);
    ok(performance.now() - begun < 12_600);
    const told = server.log.filter((line) => line.includes("has not returned"));
    strictEqual(told.length, 1, told.join("\n"));
    match(told[0]!, /run\(\) has not returned for 10 seconds/);
    let last: unknown;
    for (let i = 0; i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const result = await good.run(DATA, IV).catch((error) => last = error);
      if (!(result instanceof Uint8Array)) continue;
      deepStrictEqual(result, TURNED);
      return;
    }
    throw last;
  }));
