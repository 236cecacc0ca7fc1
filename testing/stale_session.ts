/**
 * A request of a session that the driver knows to be gone: drivers of others
 * send such ones.
 *
 * @module
 */

import type { OperationName } from "../driver/data_request.ts";
import { runnerOf, type Session, targetOf } from "../driver/session.ts";
import type { Status } from "../device/wire/status.ts";

const NOTHING = new Uint8Array(0);

/** What the device of session `by` answers to a request of `stale` without data. */
export async function askWithStale(
  stale: object,
  operation: OperationName,
  by: object = stale,
): Promise<Status> {
  const shape = {
    operation,
    ivBytes: 0,
    sourceBytes: 0,
    additionalDataBytes: 0,
    destinationBytes: 0,
    digestBytes: 20,
    cipherStart: 0,
    cipherBytes: 0,
    hashStart: 0,
    hashBytes: 0,
  };
  const input = { iv: NOTHING, source: NOTHING, additionalData: NOTHING };
  const runner = runnerOf(by as Session);
  return (await runner.run(targetOf(stale as Session), shape, input)).status;
}
