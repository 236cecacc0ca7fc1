/**
 * Turns descriptors into a chain; what the two ring formats have in common. It
 * is given values, each read from guest memory once.
 *
 * @module
 */

import { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import { ChainFault, type DescriptorChain } from "./chain.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { DESCRIPTOR_BYTES } from "./layout.ts";

const TWO_TO_32 = 0x1_0000_0000;

/** Most descriptors of an indirect table: as many as `next` can number. */
const MAX_TABLE_DESCRIPTORS = 65536;

/** Fills one chain at a time. */
export class ChainBuilder {
  /** The indirect table opened last. */
  tableView: DataView;
  tableOffset = 0;
  tableCount = 0;
  readonly #memory: GuestMemory;
  readonly #pieces = new Segments();
  #copy = new Region(new Uint8Array(0));
  #chain: DescriptorChain | undefined;
  #totalBytes = 0;
  #sawWritable = false;
  #unmapped = false;
  #lastWritableAddress = 0;
  #lastWritableBytes = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.tableView = this.#copy.view;
  }

  begin(chain: DescriptorChain): void {
    chain.reset();
    this.#chain = chain;
    this.#totalBytes = 0;
    this.#sawWritable = false;
    this.#unmapped = false;
    this.#lastWritableBytes = 0;
  }

  /** Adds one descriptor; false when that makes the chain malformed. */
  append(
    addressLow: number,
    addressHigh: number,
    lengthBytes: number,
    writable: boolean,
  ): boolean {
    const chain = this.#chain!;
    chain.descriptorCount++;
    if (writable) this.#sawWritable = true;
    else if (this.#sawWritable) return false;
    if (lengthBytes === 0) return true;
    this.#totalBytes += lengthBytes;
    // virtio 1.4 §2.7.5: no chain is longer than 2^32 bytes.
    if (this.#totalBytes > TWO_TO_32) return false;
    const address = addressHigh * TWO_TO_32 + addressLow;
    if (writable) {
      this.#lastWritableAddress = address;
      this.#lastWritableBytes = lengthBytes;
    }
    const list = writable ? chain.writable : chain.readable;
    if (
      !this.#unmapped && !this.#memory.translate(address, lengthBytes, list)
    ) {
      this.#unmapped = true;
    }
    return true;
  }

  /**
   * Opens an indirect table (§2.7.5.3, §2.8.7); false when there is none to
   * read. A table that crosses regions is read from a copy.
   */
  openTable(
    addressLow: number,
    addressHigh: number,
    lengthBytes: number,
  ): boolean {
    const count = Math.floor(lengthBytes / DESCRIPTOR_BYTES);
    if (
      count === 0 || count > MAX_TABLE_DESCRIPTORS ||
      lengthBytes % DESCRIPTOR_BYTES !== 0
    ) return false;
    const address = addressHigh * TWO_TO_32 + addressLow;
    this.tableCount = count;
    const memory = this.#memory;
    if (!memory.findPlace(address, lengthBytes)) {
      return this.#copyTable(address, lengthBytes);
    }
    this.tableView = memory.placeRegion!.view;
    this.tableOffset = memory.placeOffset;
    return true;
  }

  /** Ends a chain whose structure is intact. */
  finish(): void {
    const chain = this.#chain!;
    if (this.#unmapped) {
      this.#finishUnmapped(chain);
      return;
    }
    const last = chain.writable.count - 1;
    if (last < 0) return;
    chain.statusRegion = chain.writable.region(last);
    chain.statusOffset = chain.writable.offset(last) +
      chain.writable.lengthBytes(last) - 1;
  }

  /** Ends a chain whose structure is not intact. */
  reject(): void {
    const chain = this.#chain!;
    chain.readable.clear();
    chain.writable.clear();
    chain.fault = ChainFault.Malformed;
  }

  #copyTable(address: number, lengthBytes: number): boolean {
    const pieces = this.#pieces;
    pieces.clear();
    if (!this.#memory.translate(address, lengthBytes, pieces)) return false;
    if (this.#copy.lengthBytes < lengthBytes) {
      this.#copy = new Region(new Uint8Array(lengthBytes));
    }
    pieces.read(0, this.#copy.bytes.subarray(0, lengthBytes));
    this.tableView = this.#copy.view;
    this.tableOffset = 0;
    return true;
  }

  #finishUnmapped(chain: DescriptorChain): void {
    chain.readable.clear();
    chain.writable.clear();
    chain.fault = ChainFault.Unmapped;
    if (this.#lastWritableBytes === 0) return;
    const status = this.#memory.locate(
      this.#lastWritableAddress + this.#lastWritableBytes - 1,
      1,
    );
    if (!status) return;
    chain.statusRegion = status.region;
    chain.statusOffset = status.offset;
  }
}
