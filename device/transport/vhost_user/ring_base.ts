/**
 * Where a ring starts, as SET_VRING_BASE says it.
 *
 * @module
 */

import { PACKED_START, startOf } from "../../ring/ring_start.ts";

/** A packed ring's start in the 16-bit form of front-ends that leave out the used half. */
const PACKED_START_16_BITS = 0x8000;
const INDEX = 0x7fff;

/**
 * The position that a base stands for, or what is wrong with it. `stoppedAt` is
 * where the ring stopped on this connection, undefined where it never ran.
 *
 * DPDK's and SPDK's virtio-user start packed rings at 0x8000, and front-ends
 * that know of split rings only at 0. No ring is ever in these states but one
 * that stopped there. A base of 16 bits may also be where the ring stopped,
 * without its used half.
 */
export function ringPosition(
  base: number | undefined,
  stoppedAt: number | undefined,
  size: number,
  packed: boolean,
): number | string {
  if (base === undefined) return startOf(packed);
  const hex = `base 0x${base.toString(16)}`;
  if (!packed) return base <= 0xffff ? base : `${hex} is past 16 bits`;
  if (base === stoppedAt) return base;
  if (stoppedAt !== undefined && base === (stoppedAt & 0xffff)) {
    return stoppedAt;
  }
  if (base === 0 || base === PACKED_START_16_BITS) return PACKED_START;
  const available = base & 0xffff;
  const used = base >>> 16;
  if ((available & INDEX) >= size || (used & INDEX) >= size) {
    return `${hex} is outside the ring`;
  }
  return available === used
    ? base
    : `${hex} has descriptors under way, of which nothing is known`;
}
