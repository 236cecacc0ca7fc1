/**
 * How a result whose length only the backend knows comes to its destination.
 *
 * @module
 */

import { type Operation, OperationStatus } from "./backend.ts";

/** Writes a result that fits into its destination. */
export function deliver(
  result: Uint8Array,
  operation: Operation,
): OperationStatus {
  if (operation.destination.totalBytes < result.length) {
    return OperationStatus.Failed;
  }
  operation.destination.write(0, result);
  operation.writtenBytes = result.length;
  return OperationStatus.Ok;
}
