/**
 * Where a ring starts that no driver has used.
 *
 * @module
 */

/** A packed ring's start: index 0, both wrap counters 1 (virtio 1.4 §2.8.1). */
export const PACKED_START = 0x8000_8000;

/** A base as SET_VRING_BASE has it. */
export function startOf(packed: boolean): number {
  return packed ? PACKED_START : 0;
}
