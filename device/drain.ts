/**
 * What is asked of a backend whose operations keep a ring from stopping.
 *
 * @module
 */

/** How long they may do so in peace. */
export const DRAIN_MS = 2000;

/** What it has not done by then, for whoever hears of it. */
export function undrained(pendingCount: number, ofQueue = ""): string {
  return `a backend has not ended ${pendingCount} ` +
    `operation${pendingCount === 1 ? "" : "s"}${ofQueue} within ${DRAIN_MS} ms`;
}
