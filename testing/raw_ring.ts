/**
 * Writes ring memory as it pleases, sense or nonsense: for tests and fuzzers of
 * the device that play a hostile guest.
 *
 * @module
 */

import type { Region } from "../memory/region.ts";
import { ringOffsets } from "../driver/rings/layout.ts";

/** The fields of a split descriptor. */
export interface RawDescriptor {
  readonly address: bigint;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly next?: number;
}

/** The fields of a packed descriptor. */
export interface RawPackedDescriptor {
  readonly address: bigint;
  readonly lengthBytes: number;
  readonly id: number;
  readonly flags: number;
}

/** Writes a split descriptor, of a ring or of a table, at `offset` of a region. */
export function writeRawDescriptor(
  region: Region,
  offset: number,
  descriptor: RawDescriptor,
): void {
  region.view.setBigUint64(offset, descriptor.address, true);
  region.view.setUint32(offset + 8, descriptor.lengthBytes, true);
  region.view.setUint16(offset + 12, descriptor.flags, true);
  region.view.setUint16(offset + 14, descriptor.next ?? 0, true);
}

/** Writes a packed descriptor, of a ring or of a table, at `offset` of a region. */
export function writeRawPackedDescriptor(
  region: Region,
  offset: number,
  descriptor: RawPackedDescriptor,
): void {
  region.view.setBigUint64(offset, descriptor.address, true);
  region.view.setUint32(offset + 8, descriptor.lengthBytes, true);
  region.view.setUint16(offset + 12, descriptor.id, true);
  region.view.setUint16(offset + 14, descriptor.flags, true);
}

/** A split ring laid out as `ringOffsets` says. */
export class RawSplitRing {
  readonly #region: Region;
  readonly #descriptor: number;
  readonly #available: number;
  readonly #used: number;
  readonly #size: number;

  constructor(region: Region, offset: number, size: number) {
    const offsets = ringOffsets(size, false);
    this.#region = region;
    this.#descriptor = offset + offsets.descriptor;
    this.#available = offset + offsets.driver;
    this.#used = offset + offsets.device;
    this.#size = size;
  }

  descriptor(index: number, descriptor: RawDescriptor): void {
    writeRawDescriptor(this.#region, this.#descriptor + 16 * index, descriptor);
  }

  availableFlags(flags: number): void {
    this.#region.view.setUint16(this.#available, flags, true);
  }

  availableEntry(slot: number, head: number): void {
    this.#region.view.setUint16(this.#available + 4 + 2 * slot, head, true);
  }

  availableIndex(index: number): void {
    this.#region.view.setUint16(this.#available + 2, index, true);
  }

  usedEvent(index: number): void {
    const at = this.#available + 4 + 2 * this.#size;
    this.#region.view.setUint16(at, index, true);
  }

  /** What the device has written. */
  get usedIndex(): number {
    return this.#region.view.getUint16(this.#used + 2, true);
  }

  get usedFlags(): number {
    return this.#region.view.getUint16(this.#used, true);
  }

  get availableEvent(): number {
    const at = this.#used + 4 + 8 * this.#size;
    return this.#region.view.getUint16(at, true);
  }

  usedEntry(slot: number): { id: number; lengthBytes: number } {
    const at = this.#used + 4 + 8 * slot;
    return {
      id: this.#region.view.getUint32(at, true),
      lengthBytes: this.#region.view.getUint32(at + 4, true),
    };
  }
}

/** A packed ring laid out as `ringOffsets` says. */
export class RawPackedRing {
  readonly #region: Region;
  readonly #descriptor: number;
  readonly #driver: number;
  readonly #device: number;

  constructor(region: Region, offset: number, size: number) {
    const offsets = ringOffsets(size, true);
    this.#region = region;
    this.#descriptor = offset + offsets.descriptor;
    this.#driver = offset + offsets.driver;
    this.#device = offset + offsets.device;
  }

  descriptor(index: number, descriptor: RawPackedDescriptor): void {
    writeRawPackedDescriptor(
      this.#region,
      this.#descriptor + 16 * index,
      descriptor,
    );
  }

  /** What stands in a descriptor now: the device overwrites them. */
  read(index: number): { id: number; lengthBytes: number; flags: number } {
    const at = this.#descriptor + 16 * index;
    return {
      lengthBytes: this.#region.view.getUint32(at + 8, true),
      id: this.#region.view.getUint16(at + 12, true),
      flags: this.#region.view.getUint16(at + 14, true),
    };
  }

  /** The driver's event suppression: position with wrap counter, and flags. */
  driverEvent(position: number, flags: number): void {
    this.#region.view.setUint16(this.#driver, position, true);
    this.#region.view.setUint16(this.#driver + 2, flags, true);
  }

  get deviceEvent(): { position: number; flags: number } {
    return {
      position: this.#region.view.getUint16(this.#device, true),
      flags: this.#region.view.getUint16(this.#device + 2, true),
    };
  }
}
