/**
 * Whether lists of memory have bytes in common, by looking at each pair of ranges.
 *
 * @module
 */

import type { Segments } from "../memory/segments.ts";

/** Whether any byte of `a` is also a byte of `b`. */
export function shareBytes(a: Segments, b: Segments): boolean {
  for (let i = 0; i < a.count; i++) {
    const start = a.offset(i);
    const end = start + a.lengthBytes(i);
    for (let j = 0; j < b.count; j++) {
      if (
        a.region(i) === b.region(j) && start < b.offset(j) + b.lengthBytes(j) &&
        b.offset(j) < end
      ) return true;
    }
  }
  return false;
}
