/**
 * Event index arithmetic, the same for both directions.
 *
 * @module
 */

import { EVENT_DESCRIPTOR, EVENT_DISABLE, EVENT_ENABLE } from "./layout.ts";

/**
 * Whether a 16-bit index that moved from `before` to `after` wrote the entry
 * `event` (virtio 1.4 §2.7.7.2).
 */
export function passedEvent(
  event: number,
  before: number,
  after: number,
): boolean {
  return ((after - event - 1) & 0xffff) < ((after - before) & 0xffff);
}

/**
 * The same in a packed ring of `size` descriptors whose position moved by
 * `moved` to `position` with wrap counter `wrap`; `event` is the offset with its
 * wrap counter in bit 15 (§2.8.10).
 */
export function passedPackedEvent(
  event: number,
  position: number,
  wrap: number,
  moved: number,
  size: number,
): boolean {
  const offset = event & 0x7fff;
  // A place that the ring does not have is never reached.
  if (offset >= size) return false;
  const lap = (event >>> 15) === wrap ? 0 : size;
  return passedEvent(offset - lap, position - moved, position);
}

/**
 * Whether the other side of a packed ring, whose event suppression structure is
 * `event`, wants to hear of that move (§2.8.10).
 */
export function wantsPackedEvent(
  event: number,
  eventIndex: boolean,
  position: number,
  wrap: number,
  moved: number,
  size: number,
): boolean {
  const flags = event >>> 16 & 3;
  if (flags === EVENT_DISABLE) return false;
  if (flags !== EVENT_DESCRIPTOR || !eventIndex) return true;
  return passedPackedEvent(event & 0xffff, position, wrap, moved, size);
}

/** An event suppression structure that asks for the event at `position`. */
export function packedEventAt(position: number, eventIndex: boolean): number {
  return eventIndex ? position | EVENT_DESCRIPTOR << 16 : EVENT_ENABLE << 16;
}
