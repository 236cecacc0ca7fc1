/**
 * The numbers of the two virtqueue formats (virtio 1.4 §2.7 and §2.8). All
 * fields are little-endian, as is every platform that Deno runs on.
 *
 * @module
 */

export const DESCRIPTOR_BYTES = 16;

/** Descriptor flags of both formats. */
export const DESCRIPTOR_NEXT = 1;
export const DESCRIPTOR_WRITE = 2;
export const DESCRIPTOR_INDIRECT = 4;
/** Descriptor flags of packed rings (§2.8.1). */
export const DESCRIPTOR_AVAILABLE = 1 << 7;
export const DESCRIPTOR_USED = 1 << 15;

/** `flags` of the available ring: the driver wants no notifications (§2.7.7). */
export const AVAILABLE_NO_INTERRUPT = 1;
/** `flags` of the used ring: the device wants no notifications (§2.7.10). */
export const USED_NO_NOTIFY = 1;

/** 16-bit fields of a split ring's available and used rings: `flags`, `idx`. */
export const SPLIT_FLAGS = 0;
export const SPLIT_INDEX = 1;
/** The 16-bit field where their entries start. */
export const SPLIT_ENTRIES = 2;

/** Event suppression flags of packed rings (§2.8.10). */
export const EVENT_ENABLE = 0;
export const EVENT_DISABLE = 1;
export const EVENT_DESCRIPTOR = 2;

/** Most descriptors that a ring of either format has. */
export const MAX_RING_SIZE = 32768;

/** Guest addresses of the three areas of a ring. */
export interface RingAreas {
  /** Of the descriptor table or ring. */
  readonly descriptorAddress: number;
  /** Of the available ring or the driver event structure. */
  readonly availableAddress: number;
  /** Of the used ring or the device event structure. */
  readonly usedAddress: number;
}

/** Length and alignment of one of the three areas of a ring. */
export interface AreaShape {
  readonly lengthBytes: number;
  readonly alignmentBytes: number;
}

/** The three areas in the order descriptor, driver, device area (§2.6). */
export interface RingShape {
  readonly descriptor: AreaShape;
  readonly driver: AreaShape;
  readonly device: AreaShape;
}

/** Lengths and alignments of the areas of a ring (§2.7, §2.8.10.1). */
export function ringShape(size: number, packed: boolean): RingShape {
  const descriptor = {
    lengthBytes: DESCRIPTOR_BYTES * size,
    alignmentBytes: 16,
  };
  if (packed) {
    const event = { lengthBytes: 4, alignmentBytes: 4 };
    return { descriptor, driver: event, device: event };
  }
  return {
    descriptor,
    driver: { lengthBytes: 6 + 2 * size, alignmentBytes: 2 },
    device: { lengthBytes: 6 + 8 * size, alignmentBytes: 4 },
  };
}

/** Why no ring can have `size` descriptors, or undefined where one can. */
export function ringSizeProblem(
  size: number,
  packed: boolean,
): string | undefined {
  if (!Number.isInteger(size) || size < 1 || size > MAX_RING_SIZE) {
    return `ring size ${size} is not in 1..${MAX_RING_SIZE}`;
  }
  if (!packed && (size & (size - 1)) !== 0) {
    return `ring size ${size} is not a power of two`;
  }
  return undefined;
}
