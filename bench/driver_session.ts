/**
 * A driver's session for an operation of the benches.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";
import type { Session } from "../driver/sessions.ts";
import type { BenchOperation } from "./operations.ts";

export function openBenchSession(
  driver: Driver,
  { description }: BenchOperation,
): Promise<Session> {
  switch (description.service) {
    case "cipher":
      return driver.cipher(description);
    case "aead":
      return driver.aead(description);
    case "hash":
      return driver.hash(description);
    case "mac":
      return driver.mac(description);
    case "chain":
      return driver.chain(description);
    case "akcipher":
      throw new TypeError("Cannot make bursts of akcipher requests");
  }
}
