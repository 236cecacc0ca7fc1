/**
 * What every kind of session has.
 *
 * @module
 */

import type { Segments } from "../../memory/segments.ts";
import { type Operation, OperationStatus } from "../backend.ts";
import type { RequestBurst } from "../request_burst.ts";
import type { JobQueue } from "./job_queue.ts";
import type { JobOwner } from "./job_table.ts";

/** A session on one thread. */
export interface IpsecMbSession extends JobOwner {
  /** Where its jobs wait, unless they are of a cipher only. */
  readonly jobs: JobQueue;
  /**
   * Makes the next job one of a request of which one job does all, over one range
   * each, but for where its bytes are; false leaves it to `start`.
   */
  prepare?(burst: RequestBurst, slot: number): boolean;
  /** Makes a job that waits, or does the operation at once. */
  start(operation: Operation): void;
  /** Wipes the keys; no job waits. */
  close(): void;
}

/** Ends an operation that succeeded. */
export function complete(operation: Operation, writtenBytes: number): void {
  operation.status = OperationStatus.Ok;
  operation.writtenBytes = writtenBytes;
}

/** Ends an operation that failed. */
export function fail(
  operation: Operation,
  status = OperationStatus.Failed,
): void {
  operation.status = status;
  operation.writtenBytes = 0;
}

/** Copies the first `lengthBytes` bytes of `from`, a few, to a list's start. */
export function writeStart(
  segments: Segments,
  from: Uint8Array,
  lengthBytes: number,
): void {
  if (segments.count !== 1) {
    segments.write(0, from.subarray(0, lengthBytes));
    return;
  }
  const { bytes } = segments.region(0);
  const start = segments.offset(0);
  for (let i = 0; i < lengthBytes; i++) bytes[start + i] = from[i]!;
}
