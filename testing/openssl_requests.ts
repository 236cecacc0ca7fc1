/**
 * What the tests of the openssl backend share.
 *
 * @module
 */

import {
  type BackendThread,
  OperationKind,
  type OperationStatus,
} from "../backends/backend.ts";
import { runRequest, testsOf } from "./backend_requests.ts";
import openssl from "../backends/openssl/openssl.ts";

export * from "./backend_requests.ts";

/** A test that needs libcrypto. */
export const opensslTest = testsOf(openssl);

/** What verifying `signature` over `signed` comes to. */
export function verifyStatus(
  thread: BackendThread,
  session: object,
  signature: Uint8Array,
  signed: Uint8Array,
): OperationStatus {
  return runRequest(thread, session, {
    kind: OperationKind.Verify,
    source: signature,
    additionalData: signed,
    destinationBytes: 0,
  }).status;
}
