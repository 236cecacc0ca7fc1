import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import { createDevice, type DeviceOptions, Driver } from "../mod.ts";
import { later } from "../testing/later_backend.ts";
import { encryptShifted } from "../testing/shifted_cipher.ts";
import { Status } from "./wire/status.ts";

const LATER = import.meta.resolve("../testing/later_backend.ts");
const KEY = new Uint8Array(16).fill(3);
const IV = new Uint8Array(16).fill(9);
const SHIFT = 48;

const expected = (data: Uint8Array): Uint8Array =>
  createCipheriv("aes-128-cbc", KEY, IV).setAutoPadding(false).update(data);

/**
 * Sends requests at once, two of three of whose destinations begin within their
 * sources, and checks their results.
 */
async function send(
  driver: Driver,
  count: number,
  lengthBytes: number,
): Promise<void> {
  const session = await driver.cipher({
    algorithm: "aes-cbc",
    key: KEY,
    direction: "encrypt",
  });
  const requests = Array.from({ length: count }, async (_, i) => {
    const shift = i % 3 === 0 ? lengthBytes : SHIFT;
    const data = new Uint8Array(lengthBytes).map((_, j) => i + j * j);
    const { status, source, destination } = await encryptShifted(
      driver,
      session,
      data,
      IV,
      shift,
    );
    strictEqual(status, Status.Ok);
    ok(Buffer.compare(expected(data), destination) === 0, `request ${i}`);
    const kept = data.subarray(0, shift);
    deepStrictEqual(source.subarray(0, kept.length), kept);
  });
  await Promise.all(requests);
}

async function withDriver(
  options: DeviceOptions,
  use: (driver: Driver) => Promise<void>,
): Promise<void> {
  const sizes = {
    memoryBytes: 32 * 1024 * 1024,
    maxSizeBytes: 8 * 1024 * 1024,
  };
  await using driver = await Driver.start(
    await createDevice({ ...sizes, ...options }),
  );
  await use(driver);
}

Deno.test("overlapping requests that end later, and in another order, are right", async () => {
  await withDriver({ backends: [LATER] }, async (driver) => {
    for (const lengthBytes of [16, 64, 4096]) {
      await send(driver, 20, lengthBytes);
    }
  });
});

Deno.test("overlapping requests under way hold a bounded amount of memory", async () => {
  await withDriver({ backends: [LATER] }, async (driver) => {
    later.most = 0;
    // Three overlap nothing, and four of the six others take all that there is.
    await send(driver, 9, 2 * 1024 * 1024 + 16);
    strictEqual(later.most, 7);
  });
});

Deno.test("overlapping requests outlive the backend that they were on", async () => {
  const options = { backends: [LATER, "noble"], fallback: "failure" } as const;
  await withDriver(options, async (driver) => {
    later.fails = true;
    // More than get memory at the same time.
    await send(driver, 9, 2 * 1024 * 1024 + 16);
    strictEqual(later.fails, false);
  });
});
