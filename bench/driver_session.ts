/**
 * A driver's session for an operation of the benches.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";
import type { Session } from "../driver/session.ts";
import type { BenchOperation } from "./operations.ts";

/** Opens a session that a burst can be made of. */
export async function openBenchSession(
  driver: Driver,
  { description }: BenchOperation,
): Promise<Session> {
  return await driver.createSession(description) as Session;
}
