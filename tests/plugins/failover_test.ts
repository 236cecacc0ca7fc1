import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { createDevice, Driver, OperationError } from "../../mod.ts";
import type { Fallback } from "../../device/session/placement.ts";
import { Status } from "../../device/wire/status.ts";
import { fate } from "./dying_backend.ts";
import { StoppedClock } from "../../testing/stopped_clock.ts";

const DYING = import.meta.resolve("./dying_backend.ts");
const KEY = new Uint8Array(16).fill(7);
const IV = new Uint8Array(16).fill(9);

function reference(data: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false);
  return Uint8Array.from(cipher.update(data));
}

async function startDriver(fallback: Fallback): Promise<Driver> {
  const link = await createDevice({ backends: [DYING, "noble"], fallback });
  return await Driver.start(link);
}

const openCipher = (driver: Driver) =>
  driver.cipher({ algorithm: "aes-cbc", key: KEY, direction: "encrypt" });

for (const manner of ["throw", "unavailable", "late"] as const) {
  Deno.test(`with fallback failure, requests of a backend that dies (${manner}) are redone on the next`, async () => {
    fate.manner = manner;
    fate.left = 20;
    await using driver = await startDriver("failure");
    await using cipher = await openCipher(driver);
    const data = Array.from(
      { length: 64 },
      (_, i) => new Uint8Array(16 * (i + 1)).fill(i),
    );
    const results = await Promise.all(
      data.map((piece) => cipher.run(piece, IV)),
    );
    results.forEach((result, index) =>
      deepStrictEqual([...result], [...reference(data[index]!)])
    );
  });
}

Deno.test("without fallback failure, requests of a backend that dies get ERR and the device goes on", async () => {
  fate.manner = "throw";
  fate.left = 1;
  await using driver = await startDriver("unsupported");
  await using cipher = await openCipher(driver);
  await cipher.run(new Uint8Array(16), IV);
  for (let i = 0; i < 2; i++) {
    await rejects(
      cipher.run(new Uint8Array(16), IV),
      (error) =>
        error instanceof OperationError && error.status === Status.Error,
    );
  }
  // The device goes on: a session that is made now is made elsewhere.
  await using other = await openCipher(driver);
  const data = new Uint8Array(32).fill(3);
  deepStrictEqual([...await other.run(data, IV)], [...reference(data)]);
});

Deno.test("a backend that works again gets its sessions back", async () => {
  fate.manner = "unavailable";
  fate.left = 1;
  await using driver = await startDriver("failure");
  using clock = new StoppedClock();
  await using cipher = await openCipher(driver);
  const data = new Uint8Array(32).fill(3);
  const run = async () =>
    deepStrictEqual([...await cipher.run(data, IV)], [...reference(data)]);
  for (let i = 0; i < 4; i++) await run();
  fate.left = 100;
  clock.pass(1000);
  await run();
  await run();
  strictEqual(fate.left < 100, true, "the backend that recovered was not used");
});
