/**
 * For the noble backend's tests: one request through a session of its own.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../algorithms/session_description.ts";
import {
  CONTIGUOUS,
  Job,
  type Layout,
  type Request,
  type Result,
  runJobs,
} from "../conformance/operations.ts";
import { Random } from "../conformance/random.ts";
import noble from "../backends/noble/noble.ts";

export const random = new Random(20261122);

/** How many bytes of data make trouble: around blocks and around nothing. */
export const ODD_LENGTHS = [0, 1, 15, 16, 17, 31, 32, 33, 63, 65, 257, 4097];

/** Layouts in which data may lie, from the plain to the perverse. */
export const LAYOUTS: readonly Layout[] = [
  CONTIGUOUS,
  { pieces: "random", arrangement: "in-place" },
  { pieces: "single-bytes", arrangement: "apart" },
  { pieces: "random", arrangement: "shifted" },
  { pieces: "random", arrangement: "crossed" },
];

type PartialRequest =
  & Pick<Request, "kind" | "source">
  & Partial<Request>;

/** Runs `request` and checks that nothing outside its output changed. */
export function run(
  description: SessionDescription,
  request: PartialRequest,
  layout: Layout = CONTIGUOUS,
): Result {
  const thread = noble.open({});
  const job = new Job(
    { destinationBytes: 0, digestBytes: 0, ...request },
    thread.openSession(description),
    layout,
    random,
  );
  runJobs(thread, [job]);
  thread.close();
  strictEqual(job.findDamage(), undefined);
  return job.result();
}

export const hex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
