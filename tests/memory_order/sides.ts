/**
 * The two sides of rings in memory that two threads share, each made where it is
 * used.
 *
 * @module
 */

import { createVirtqueue } from "../../device/ring/create_virtqueue.ts";
import { GuestMemory } from "../../device/ring/guest_memory.ts";
import type { Virtqueue } from "../../device/ring/virtqueue.ts";
import { createDriverQueue } from "../../driver/rings/create_driver_queue.ts";
import type { DriverQueue } from "../../driver/rings/driver_queue.ts";
import { ringBytes, ringOffsets } from "../../driver/rings/layout.ts";
import { regionAt } from "../../ffi/libc.ts";
import { Region } from "../../memory/region.ts";

/** Guest address of the shared memory. */
export const GUEST_ADDRESS = 0x1_0000_0000;

/** The rings, which lie one behind the other, each with its data. */
export interface RingsPlan {
  /** A shared buffer, or the address of a mapping as guest memory is one. */
  readonly memory: SharedArrayBuffer | number;
  readonly count: number;
  readonly size: number;
  readonly packed: boolean;
  readonly eventIndex: boolean;
  /** For the data of each ring; a multiple of 64. */
  readonly dataBytes: number;
}

/** What both sides know of the shape of a ring. */
type Shape = Omit<RingsPlan, "memory">;

const strideBytes = ({ size, packed, dataBytes }: Shape) =>
  ringBytes(size, packed) + dataBytes;

/** Bytes of all rings. */
export const planBytes = (shape: Shape): number =>
  shape.count * strideBytes(shape);

/** The shared memory on the calling thread. */
export function sharedRegion(plan: RingsPlan): Region {
  const { memory } = plan;
  if (typeof memory === "number") return regionAt(memory, planBytes(plan));
  // The product has no region over a shared buffer; to the engine it is memory.
  return new Region(new Uint8Array(memory as unknown as ArrayBuffer));
}

/** Offset of the data of ring `index`. */
export const dataOffset = (plan: Shape, index: number): number =>
  index * strideBytes(plan) + ringBytes(plan.size, plan.packed);

/** The driver's sides, which make the rings; before the device's. */
export function driverSides(plan: RingsPlan, region: Region): DriverQueue[] {
  return Array.from({ length: plan.count }, (_, index) =>
    createDriverQueue({
      region,
      regionGuestAddress: GUEST_ADDRESS,
      offset: index * strideBytes(plan),
      size: plan.size,
      packed: plan.packed,
      eventIndex: plan.eventIndex,
      inOrder: false,
    }));
}

/** The device's sides. */
export function deviceSides(plan: RingsPlan, region: Region): Virtqueue[] {
  const memory = new GuestMemory();
  memory.add({
    guestAddress: GUEST_ADDRESS,
    userAddress: 0,
    lengthBytes: region.lengthBytes,
    region,
  });
  const { size, packed, eventIndex } = plan;
  const offsets = ringOffsets(size, packed);
  return Array.from({ length: plan.count }, (_, index) => {
    const ring = GUEST_ADDRESS + index * strideBytes(plan);
    const device = createVirtqueue({
      memory,
      size,
      packed,
      eventIndex,
      inOrder: false,
      base: packed ? 0x8000_8000 : 0,
      descriptorAddress: ring + offsets.descriptor,
      availableAddress: ring + offsets.driver,
      usedAddress: ring + offsets.device,
    });
    if ("error" in device) throw new Error(device.error);
    return device;
  });
}
