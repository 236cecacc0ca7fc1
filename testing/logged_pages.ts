/**
 * Which pages of a guest's memory have changed, and which its dirty log has marked.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { LOG_PAGE_BYTES } from "../device/ring/dirty_log.ts";
import { GUEST_ADDRESS, MEMORY_BYTES } from "./scripted_front_end.ts";
import type { MovingFrontEnd, SharedLog } from "./moving_front_end.ts";

/** Pages of the guest's memory, counted from its start, that a log has marked. */
export function markedPages({ bytes }: SharedLog): Set<number> {
  const first = GUEST_ADDRESS / LOG_PAGE_BYTES;
  const pages = new Set<number>();
  for (let page = 0; page < MEMORY_BYTES / LOG_PAGE_BYTES; page++) {
    const number = first + page;
    const byte = Atomics.load(bytes, Math.floor(number / 8));
    if ((byte >> number % 8 & 1) === 1) pages.add(page);
  }
  return pages;
}

/** Pages whose bytes are others than in `before`, but for those of `ignored`. */
export function changedPages(
  before: Uint8Array,
  after: Uint8Array,
  ignored: readonly (readonly [start: number, end: number])[],
): number[] {
  const pages: number[] = [];
  for (let at = 0; at < before.length; at += LOG_PAGE_BYTES) {
    const [old, now] = [before, after].map((bytes) =>
      bytes.slice(at, at + LOG_PAGE_BYTES)
    );
    for (const [start, end] of ignored) {
      if (end <= at || start >= at + LOG_PAGE_BYTES) continue;
      for (const page of [old!, now!]) {
        page.fill(0, Math.max(start - at, 0), end - at);
      }
    }
    if (Buffer.compare(old!, now!) !== 0) pages.push(at / LOG_PAGE_BYTES);
  }
  return pages;
}

/** Where in the memory the driver itself writes to its rings. */
export function driversBytes(
  { rings }: MovingFrontEnd,
  packed: boolean,
): (readonly [number, number])[] {
  return rings.map(({ queue }) => {
    const start = queue.addresses.availableAddress - GUEST_ADDRESS;
    return [start, start + (packed ? 4 : 6 + 2 * queue.size)] as const;
  });
}
