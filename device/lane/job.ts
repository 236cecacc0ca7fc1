/**
 * An operation as it lies on a lane: copied, with whom it is for.
 *
 * @module
 */

import type { CopiedOperation } from "../../backends/backend.ts";
import type { LaneSession } from "./lane_session.ts";

/** What an operation is to do, on copies. */
export type JobData = Omit<CopiedOperation, "session" | "signal">;

/** Hears, once, how a job ended, and wipes its copies when it has the results. */
export type JobEnded = (status: number, writtenBytes: number) => void;

/** One operation on its way through a lane. */
export interface Job {
  readonly session: LaneSession;
  readonly data: JobData;
  readonly ended: JobEnded;
}

/** Overwrites what a job holds of its guest's. */
export function wipeJob(data: JobData): void {
  data.iv.fill(0);
  data.source.fill(0);
  data.additionalData.fill(0);
  data.destination.fill(0);
  data.digest.fill(0);
}
