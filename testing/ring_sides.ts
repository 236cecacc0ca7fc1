/**
 * Both sides of one ring over ordinary memory, for tests.
 *
 * @module
 */

import { strictEqual } from "node:assert/strict";
import { ChainFault, type DescriptorChain } from "../device/ring/chain.ts";
import { GuestMemory } from "../device/ring/guest_memory.ts";
import { createVirtqueue } from "../device/ring/create_virtqueue.ts";
import { startOf } from "../device/ring/ring_start.ts";
import type { Virtqueue } from "../device/ring/virtqueue.ts";
import { Region } from "../memory/region.ts";
import { createDriverQueue } from "../driver/rings/create_driver_queue.ts";
import type { DriverQueue } from "../driver/rings/driver_queue.ts";
import { indirectTableBytes, ringBytes } from "../driver/rings/layout.ts";

/** Guest address of the region that holds the ring; above 4 GiB on purpose. */
export const GUEST_ADDRESS = 0x1_2345_0000;

/** What a test wants of its ring. */
export interface TestRingOptions {
  readonly size: number;
  readonly packed: boolean;
  readonly eventIndex?: boolean;
  readonly inOrder?: boolean;
  /** Descriptors of one indirect table; absent: direct descriptors. */
  readonly maxDescriptors?: number;
  readonly dataBytes?: number;
}

/** A ring at offset 0 of a region, its tables and then free memory. */
export interface TestRings {
  readonly region: Region;
  readonly memory: GuestMemory;
  readonly driver: DriverQueue;
  readonly device: Virtqueue;
  /** Offset of the free memory in the region. */
  readonly dataOffset: number;
}

/** Makes a device's and a driver's queue over the same memory. */
export function makeTestRings(options: TestRingOptions): TestRings {
  const { size, packed, maxDescriptors } = options;
  const tableOffset = ringBytes(size, packed);
  const dataOffset = tableOffset +
    indirectTableBytes(size, maxDescriptors ?? 0);
  const region = new Region(
    new Uint8Array(dataOffset + (options.dataBytes ?? 0x1_0000)),
  );
  const memory = new GuestMemory();
  memory.add({
    guestAddress: GUEST_ADDRESS,
    userAddress: 0,
    lengthBytes: region.lengthBytes,
    region,
  });
  const negotiated = {
    size,
    packed,
    eventIndex: options.eventIndex ?? false,
    inOrder: options.inOrder ?? false,
  };
  const driver = createDriverQueue({
    ...negotiated,
    region,
    regionGuestAddress: GUEST_ADDRESS,
    offset: 0,
    ...(maxDescriptors === undefined
      ? {}
      : { indirect: { offset: tableOffset, maxDescriptors } }),
  });
  const device = createVirtqueue({
    ...negotiated,
    ...driver.addresses,
    memory,
    base: startOf(packed),
  });
  if ("error" in device) throw new Error(device.error);
  return { region, memory, driver, device, dataOffset };
}

/** A repeatable source of numbers from 0 up to `below`. */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** A chain of which nothing may be used. */
export function isMalformed(chain: DescriptorChain): void {
  strictEqual(chain.fault, ChainFault.Malformed);
  strictEqual(chain.readable.count, 0);
  strictEqual(chain.writable.count, 0);
  strictEqual(chain.statusRegion, undefined);
}
