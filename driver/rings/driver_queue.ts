/**
 * The driver's side of a virtqueue, whatever its format.
 *
 * @module
 */

import { ringShape, ringSizeProblem } from "../../device/ring/layout.ts";
import type { RingArea } from "../../device/ring/ring_area.ts";
import type { Region } from "../../memory/region.ts";
import { IndirectTables } from "./indirect_tables.ts";
import { indirectTableBytes, type RingOffsets, ringOffsets } from "./layout.ts";
import { PackedDriverQueue } from "./packed_driver_queue.ts";
import { SplitDriverQueue } from "./split_driver_queue.ts";

/** A range of guest memory that a request reads or writes. */
export interface GuestBuffer {
  readonly guestAddress: number;
  readonly lengthBytes: number;
}

/** A request that the device has used. */
export interface Completion {
  token: number;
  writtenBytes: number;
}

/** A virtqueue that a driver fills. */
export interface DriverQueue {
  readonly size: number;
  /** Guest addresses of the three areas, for the transport to announce. */
  readonly addresses: RingAddresses;
  /** Why the device's answers can no longer be trusted; `take` stops then. */
  readonly broken: string | undefined;
  /**
   * Where the next buffer becomes available, as NOTIFICATION_DATA tells it: an
   * offset of 15 bits and the wrap counter, or the index of a split ring.
   */
  readonly position: number;
  /**
   * Stages a request; false when the ring has no room for it now. Throws a
   * RangeError for one that it never has room for.
   */
  add(
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
    token: number,
  ): boolean;
  /** Makes all staged requests available; true when the device wants a kick. */
  publish(): boolean;
  /** The next used request, in an object that the next call refills. */
  take(): Completion | undefined;
  /** Asks for interrupts; true when a request has been used already. */
  enableInterrupts(): boolean;
  /** Tells the device that it need not interrupt. */
  disableInterrupts(): void;
}

/** Guest addresses of a ring's areas. */
export interface RingAddresses {
  readonly descriptorAddress: number;
  readonly availableAddress: number;
  readonly usedAddress: number;
}

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

/** A driver's ring whose areas have been laid out. */
export interface DriverRingSetup {
  readonly size: number;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
  readonly addresses: RingAddresses;
  readonly descriptor: RingArea;
  readonly driver: RingArea;
  readonly device: RingArea;
  readonly tables: IndirectTables | undefined;
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
