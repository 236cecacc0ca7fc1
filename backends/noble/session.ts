/**
 * What a session of this backend does.
 *
 * @module
 */

import type { Operation, OperationStatus } from "../backend.ts";
import type { Workspace } from "./workspace.ts";

export interface NobleSession {
  /** Runs `operation`; sets its `writtenBytes` when it returns Ok. */
  run(operation: Operation, workspace: Workspace): OperationStatus;
  /** Overwrites the session's keys as far as the language lets it. */
  wipe(): void;
}
