/**
 * The device's side of a virtqueue, whatever its format.
 *
 * @module
 */

import type { DescriptorChain } from "./chain.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { type AreaShape, ringShape, ringSizeProblem } from "./layout.ts";
import { PackedVirtqueue } from "./packed_virtqueue.ts";
import type { RingArea } from "./ring_area.ts";
import { SplitVirtqueue } from "./split_virtqueue.ts";

/**
 * A virtqueue that a device serves. A service disables notifications, pops and
 * pushes until `pop` is false, publishes, and before it waits enables
 * notifications: while that is true there is more to pop.
 */
export interface Virtqueue {
  readonly size: number;
  /** Why the ring can no longer be trusted; nothing is popped from then on. */
  readonly broken: string | undefined;
  /**
   * The position to resume from, as vhost-user's GET_VRING_BASE reports it.
   * Split: the next available index. Packed: the next available position with
   * its wrap counter in bit 15, the next used one likewise in the upper half.
   */
  readonly base: number;
  /** Takes the next chain; false when there is none or the ring is broken. */
  pop(chain: DescriptorChain): boolean;
  /** Stages a used entry for a popped chain, which is free after that. */
  push(chain: DescriptorChain, writtenBytes: number): void;
  /** Shows the driver all staged entries; true when it wants a notification. */
  publish(): boolean;
  /** Asks for notifications; true when something is available already. */
  enableNotifications(): boolean;
  /** Tells the driver that it need not notify. */
  disableNotifications(): void;
}

/** Where a ring is and how it was negotiated. */
export interface VirtqueueOptions {
  readonly memory: GuestMemory;
  readonly size: number;
  /** Where to start, in the form of {@linkcode Virtqueue.base}. */
  readonly base: number;
  /** Guest address of the descriptor table or ring. */
  readonly descriptorAddress: number;
  /** Guest address of the available ring or the driver event structure. */
  readonly availableAddress: number;
  /** Guest address of the used ring or the device event structure. */
  readonly usedAddress: number;
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
}

/** A ring whose areas have been found in memory. */
export interface RingSetup extends VirtqueueOptions {
  readonly descriptor: RingArea;
  readonly driver: RingArea;
  readonly device: RingArea;
}

/** Makes a virtqueue, or says why there can be none. */
export function createVirtqueue(
  options: VirtqueueOptions,
): Virtqueue | { error: string } {
  const { size, packed, memory } = options;
  const problem = ringSizeProblem(size, packed);
  if (problem !== undefined) return { error: problem };
  const shape = ringShape(size, packed);
  const descriptor = findArea(
    memory,
    "descriptor area",
    options.descriptorAddress,
    shape.descriptor,
  );
  if ("error" in descriptor) return descriptor;
  const driver = findArea(
    memory,
    "driver area",
    options.availableAddress,
    shape.driver,
  );
  if ("error" in driver) return driver;
  const device = findArea(
    memory,
    "device area",
    options.usedAddress,
    shape.device,
  );
  if ("error" in device) return device;
  const setup = { ...options, descriptor, driver, device };
  if (!packed) return new SplitVirtqueue(setup);
  if (
    (options.base & 0x7fff) >= size || (options.base >>> 16 & 0x7fff) >= size
  ) {
    return { error: `base 0x${options.base.toString(16)} is outside the ring` };
  }
  return new PackedVirtqueue(setup);
}

/** Finds an area that atomic accesses of this process can reach. */
function findArea(
  memory: GuestMemory,
  name: string,
  address: number,
  shape: AreaShape,
): RingArea | { error: string } {
  const where = `${name} at guest address 0x${address.toString(16)}`;
  if (address % shape.alignmentBytes !== 0) {
    return {
      error: `${where} is not aligned to ${shape.alignmentBytes} bytes`,
    };
  }
  const found = memory.locate(address, shape.lengthBytes);
  if (!found) return { error: `${where} is outside guest memory` };
  const bytes = found.region.bytes;
  const start = bytes.byteOffset + found.offset;
  if (start % Math.min(shape.alignmentBytes, 4) !== 0) {
    return { error: `${where} is mapped at an odd address of this process` };
  }
  return { buffer: bytes.buffer, start, lengthBytes: shape.lengthBytes };
}
