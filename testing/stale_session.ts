/**
 * A request of a session that the driver knows to be gone: drivers of others
 * send such ones.
 *
 * @module
 */

import type { OperationName, RequestTarget } from "../driver/data_request.ts";
import type { RequestRunner } from "../driver/request_runner.ts";
import type { Status } from "../device/wire/status.ts";

const NOTHING = new Uint8Array(0);

/** What the device answers to a request without data. */
export async function askWithStale(
  runner: RequestRunner,
  target: RequestTarget,
  operation: OperationName,
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
  const { status } = await runner.run(target, shape, input);
  return status;
}
