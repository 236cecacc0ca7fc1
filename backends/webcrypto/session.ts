/**
 * A session of this backend. Its keys are Web Crypto's, which nobody can wipe:
 * letting go of the session is all that closing it can do.
 *
 * @module
 */

import type { CopiedOperation, Outcome } from "../backend.ts";

export interface WebSession {
  run(operation: CopiedOperation): Promise<Outcome>;
}
