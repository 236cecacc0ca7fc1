/**
 * What tests of throttles have in common.
 *
 * @module
 */

import { cpuUsage } from "node:process";

/** How long a rate takes is for `device/throttle_test.ts` to tell; this is a hang. */
export const PATIENCE_SECONDS = 30;
/** Requests that, at one a second, wait longer than any test is late. */
export const WAITING = 30;

/** Processor time in seconds that all threads of this process use during `work`. */
export async function cpuSecondsOf(
  work: () => Promise<unknown>,
): Promise<number> {
  const before = cpuUsage();
  await work();
  const { user, system } = cpuUsage(before);
  return (user + system) / 1e6;
}
