/**
 * What the tests of this folder share.
 *
 * @module
 */

import {
  type BackendThread,
  OperationKind,
  type OperationStatus,
} from "../backend.ts";
import { runRequest, testsOf } from "../native/test_kit.ts";
import openssl from "./openssl.ts";

export * from "../native/test_kit.ts";

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
