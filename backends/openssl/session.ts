/**
 * What every kind of session has.
 *
 * @module
 */

import { type Operation, OperationStatus } from "../../backends/backend.ts";
import type { CryptoLibrary } from "./library.ts";
import type { PieceWorker } from "./pieces.ts";

/** A session on one thread. */
export interface OpensslSession {
  /** Runs one operation and sets its status and written bytes. */
  perform(operation: Operation): void;
  /** Wipes the key. */
  close(): void;
}

/** What sessions of one thread share. */
export interface ThreadContext {
  readonly library: CryptoLibrary;
  readonly worker: PieceWorker;
}

/** Ends an operation that succeeded. */
export function complete(operation: Operation, writtenBytes: number): void {
  operation.status = OperationStatus.Ok;
  operation.writtenBytes = writtenBytes;
}

/** Ends an operation that failed; the library's error queue is emptied. */
export function fail(
  operation: Operation,
  library: CryptoLibrary,
  status = OperationStatus.Failed,
): void {
  library.clearErrors();
  operation.status = status;
  operation.writtenBytes = 0;
}
