/**
 * Lays a driver's ring out in memory.
 *
 * @module
 */

import { ringShape, ringSizeProblem } from "../../device/ring/layout.ts";
import type { RingArea } from "../../device/ring/ring_area.ts";
import type { Region } from "../../memory/region.ts";
import type { DriverQueue } from "./driver_queue.ts";
import type { DriverRingSetup } from "./driver_ring_setup.ts";
import { IndirectTables } from "./indirect_tables.ts";
import { indirectTableBytes, type RingOffsets, ringOffsets } from "./layout.ts";
import { PackedDriverQueue } from "./packed_driver_queue.ts";
import { SplitDriverQueue } from "./split_driver_queue.ts";

/** Where a ring lies and what was negotiated. */
export interface DriverQueueOptions {
  readonly region: Region;
  /** Guest address of the region's first byte. */
  readonly regionGuestAddress: number;
  /** Offset of the ring in the region: `ringBytes` from a multiple of 64. */
  readonly offset: number;
  readonly size: number;
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  /** Uses one indirect table per request; absent: direct descriptors. */
  readonly indirect?: {
    /** Offset of the tables in the region: `indirectTableBytes` from there. */
    readonly offset: number;
    /** Most descriptors of one request. */
    readonly maxDescriptors: number;
  };
}

/**
 * Clears the ring's memory and makes an empty queue over it. Throws a RangeError
 * for options that make no ring.
 */
export function createDriverQueue(options: DriverQueueOptions): DriverQueue {
  const { region, regionGuestAddress, offset, size, packed } = options;
  const problem = ringSizeProblem(size, packed);
  if (problem !== undefined) {
    throw new RangeError(`Cannot make queue: ${problem}`);
  }
  const offsets = ringOffsets(size, packed);
  requireRange(region, offset, offsets.lengthBytes, "ring");
  if ((regionGuestAddress + offset) % 64 !== 0) {
    throw new RangeError(
      "Cannot make queue: the ring is not aligned to 64 bytes",
    );
  }
  region.bytes.fill(0, offset, offset + offsets.lengthBytes);
  const setup = makeSetup(options, offsets);
  return packed ? new PackedDriverQueue(setup) : new SplitDriverQueue(setup);
}

function makeSetup(
  options: DriverQueueOptions,
  offsets: RingOffsets,
): DriverRingSetup {
  const { region, offset, size } = options;
  const shape = ringShape(size, options.packed);
  const area = (start: number, lengthBytes: number): RingArea => ({
    buffer: region.bytes.buffer,
    start: region.bytes.byteOffset + offset + start,
    lengthBytes,
  });
  const ringAddress = options.regionGuestAddress + offset;
  return {
    size,
    eventIndex: options.eventIndex,
    inOrder: options.inOrder,
    addresses: {
      descriptorAddress: ringAddress + offsets.descriptor,
      availableAddress: ringAddress + offsets.driver,
      usedAddress: ringAddress + offsets.device,
    },
    descriptor: area(offsets.descriptor, shape.descriptor.lengthBytes),
    driver: area(offsets.driver, shape.driver.lengthBytes),
    device: area(offsets.device, shape.device.lengthBytes),
    tables: makeTables(options),
  };
}

function makeTables(options: DriverQueueOptions): IndirectTables | undefined {
  if (options.indirect === undefined) return undefined;
  const { offset, maxDescriptors } = options.indirect;
  const { region, regionGuestAddress, size, packed } = options;
  const lengthBytes = indirectTableBytes(size, maxDescriptors);
  requireRange(region, offset, lengthBytes, "indirect table area");
  return new IndirectTables(
    region,
    regionGuestAddress,
    offset,
    maxDescriptors,
    packed,
  );
}

function requireRange(
  region: Region,
  offset: number,
  lengthBytes: number,
  name: string,
): void {
  if (offset < 0 || offset + lengthBytes > region.lengthBytes) {
    throw new RangeError(
      `Cannot make queue: ${name} of ${lengthBytes} bytes at offset ${offset} ` +
        `is outside a region of ${region.lengthBytes} bytes`,
    );
  }
}
