/**
 * What a running device has done, in lines for the log.
 *
 * @module
 */

import { Counter } from "../device/queue_counts.ts";
import type { PlacementCounts } from "../device/session/placement_counts.ts";

const plural = (count: number, word: string): string =>
  `${count} ${word}${count === 1 ? "" : "s"}`;

/** Of a guest without limits nothing is said. */
const waited = (milliseconds: number): string =>
  milliseconds > 0
    ? `; waited ${(milliseconds / 1000).toFixed(1)} s for its limits`
    : "";

/** One line for each placement cause and for each queue of the present guest. */
export function counterLines(
  placements: PlacementCounts,
  queues: ReadonlyMap<number, Float64Array>,
): string[] {
  const lines = [...placements].map(({ backend, reason, sessions }) =>
    `counted: ${
      plural(sessions, "session")
    } on ${backend}, because of: ${reason}`
  );
  const { refusedSessions } = placements;
  if (refusedSessions > 0) {
    lines.push(`counted: ${plural(refusedSessions, "session")} refused`);
  }
  for (const [queue, counters] of queues) {
    lines.push(
      `counted: queue ${queue} answered ` +
        `${plural(counters[Counter.Requests]!, "request")} of ` +
        `${counters[Counter.Bytes]!} bytes, ` +
        `${counters[Counter.Failures]!} not with OK, ` +
        `${counters[Counter.MovedOn]!} moved on to another backend` +
        waited(counters[Counter.WaitedMs]!),
    );
  }
  return lines;
}
