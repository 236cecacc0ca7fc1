/**
 * Copies of operations: what a lane works on.
 *
 * @module
 */

import type { Operation } from "../../backends/backend.ts";
import type { JobData } from "./job.ts";

/** Bytes that the copies of an operation take. */
export function jobBytes(operation: Operation): number {
  const { source, additionalData, destination, digest } = operation;
  return source.totalBytes + additionalData.totalBytes +
    destination.totalBytes + digest.totalBytes;
}

/** Copies an operation's inputs, and makes room for its outputs. */
export function copyJob(operation: Operation, readsTag: boolean): JobData {
  const { kind, iv, ivBytes, destination, digest } = operation;
  const { cipherStart, cipherBytes, hashStart, hashBytes } = operation;
  return {
    kind,
    iv: iv.slice(0, ivBytes),
    source: operation.source.copy(),
    additionalData: operation.additionalData.copy(),
    destination: new Uint8Array(destination.totalBytes),
    digest: readsTag ? digest.copy() : new Uint8Array(digest.totalBytes),
    cipherStart,
    cipherBytes,
    hashStart,
    hashBytes,
  };
}
