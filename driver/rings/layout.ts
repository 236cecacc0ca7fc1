/**
 * Where the driver puts the parts of a ring.
 *
 * @module
 */

import { DESCRIPTOR_BYTES, ringShape } from "../../device/ring/layout.ts";

/** Parts that different sides write do not share a cache line. */
const PART_ALIGNMENT_BYTES = 64;

/** Offsets of the three areas from the start of the ring, and the ring's length. */
export interface RingOffsets {
  readonly descriptor: number;
  readonly driver: number;
  readonly device: number;
  readonly lengthBytes: number;
}

/** Where the areas of a ring of `size` descriptors are. */
export function ringOffsets(size: number, packed: boolean): RingOffsets {
  const shape = ringShape(size, packed);
  const driver = aligned(shape.descriptor.lengthBytes);
  const device = aligned(driver + shape.driver.lengthBytes);
  const lengthBytes = aligned(device + shape.device.lengthBytes);
  return { descriptor: 0, driver, device, lengthBytes };
}

/** Bytes that a ring takes; it starts at a multiple of 64. */
export function ringBytes(size: number, packed: boolean): number {
  return ringOffsets(size, packed).lengthBytes;
}

/** Bytes that the indirect tables of a ring take, one for each descriptor. */
export function indirectTableBytes(
  size: number,
  maxDescriptors: number,
): number {
  return size * maxDescriptors * DESCRIPTOR_BYTES;
}

function aligned(offset: number): number {
  return Math.ceil(offset / PART_ALIGNMENT_BYTES) * PART_ALIGNMENT_BYTES;
}
