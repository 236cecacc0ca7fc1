/**
 * What the tests of this folder share.
 *
 * @module
 */

import { testsOf } from "../native/test_kit.ts";
import openssl from "./openssl.ts";

export * from "../native/test_kit.ts";

/** A test that needs libcrypto. */
export const opensslTest = testsOf(openssl);
