/**
 * A driver's indirect descriptor tables: one for each descriptor of the ring.
 *
 * @module
 */

import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
} from "../../device/ring/layout.ts";
import type { Region } from "../../memory/region.ts";
import type { GuestBuffer } from "./driver_queue.ts";

const TWO_TO_32 = 0x1_0000_0000;

/** Tables of `maxDescriptors` descriptors each. */
export class IndirectTables {
  readonly maxDescriptors: number;
  readonly #view: DataView;
  readonly #offset: number;
  readonly #guestAddress: number;
  readonly #packed: boolean;

  constructor(
    region: Region,
    regionGuestAddress: number,
    offset: number,
    maxDescriptors: number,
    packed: boolean,
  ) {
    this.maxDescriptors = maxDescriptors;
    this.#view = region.view;
    this.#offset = offset;
    this.#guestAddress = regionGuestAddress + offset;
    this.#packed = packed;
  }

  guestAddress(slot: number): number {
    return this.#guestAddress + slot * this.maxDescriptors * DESCRIPTOR_BYTES;
  }

  /** Describes a request in table `slot`; returns the table's length in bytes. */
  write(
    slot: number,
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
  ): number {
    const count = readable.length + writable.length;
    let at = this.#offset + slot * this.maxDescriptors * DESCRIPTOR_BYTES;
    for (let i = 0; i < count; i++) {
      const isReadable = i < readable.length;
      const buffer = isReadable ? readable[i]! : writable[i - readable.length]!;
      writeAddressAndLength(
        this.#view,
        at,
        buffer.guestAddress,
        buffer.lengthBytes,
      );
      const write = isReadable ? 0 : DESCRIPTOR_WRITE;
      // virtio 1.4 §2.8.7: a packed ring's tables have no links, only an order.
      if (this.#packed) this.#view.setUint32(at + 12, write << 16, true);
      else {
        const link = i + 1 < count ? DESCRIPTOR_NEXT | (i + 1) << 16 : 0;
        this.#view.setUint32(at + 12, write | link, true);
      }
      at += DESCRIPTOR_BYTES;
    }
    return count * DESCRIPTOR_BYTES;
  }
}

/** Writes the fields that descriptors of both formats begin with. */
export function writeAddressAndLength(
  view: DataView,
  at: number,
  guestAddress: number,
  lengthBytes: number,
): void {
  view.setUint32(at, guestAddress, true);
  view.setUint32(at + 4, Math.floor(guestAddress / TWO_TO_32), true);
  view.setUint32(at + 8, lengthBytes, true);
}

/** Refuses a request that a queue can never hold. */
export function requireFitting(
  descriptorCount: number,
  maxDescriptors: number,
): void {
  if (descriptorCount === 0 || descriptorCount > maxDescriptors) {
    throw new RangeError(
      `Cannot add request: it has ${descriptorCount} buffers, ` +
        `expected 1..${maxDescriptors}`,
    );
  }
}
