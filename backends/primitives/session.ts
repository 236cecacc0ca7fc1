/**
 * What every kind of session has.
 *
 * @module
 */

import { type Operation, OperationStatus } from "../backend.ts";
import type { PieceWorker } from "./pieces.ts";
import type { Primitives } from "./primitives.ts";

/** What sessions of one thread share. */
export interface ThreadContext {
  readonly primitives: Primitives;
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
  primitives: Pick<Primitives, "clearErrors">,
  status = OperationStatus.Failed,
): void {
  primitives.clearErrors();
  operation.status = status;
  operation.writtenBytes = 0;
}
