/**
 * Drivers of a device process, and what tests have them do.
 *
 * @module
 */

import { deepStrictEqual } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { connectVhostUser, Driver } from "../mod.ts";

const MEMORY_BYTES = 4 * 1024 * 1024;
export const KEY = new Uint8Array(16).fill(0x5a);
export const IV = new Uint8Array(16).fill(0xa5);

/** A driver of the device at `socketPath`. */
export async function attach(
  socketPath: string,
  memoryBytes = MEMORY_BYTES,
  options?: Parameters<typeof Driver.start>[1],
): Promise<Driver> {
  const link = await connectVhostUser(socketPath, { memoryBytes });
  try {
    return await Driver.start(link, options);
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** Has 4 KiB encrypted by a session of their own, and looks at the result. */
export async function encryptSomething(driver: Driver): Promise<void> {
  const data = crypto.getRandomValues(new Uint8Array(4096));
  await using cipher = await driver.cipher({
    algorithm: "aes-cbc",
    key: KEY,
    direction: "encrypt",
  });
  const expected = createCipheriv("aes-128-cbc", KEY, IV)
    .setAutoPadding(false).update(data);
  deepStrictEqual(await cipher.run(data, IV), new Uint8Array(expected));
}
