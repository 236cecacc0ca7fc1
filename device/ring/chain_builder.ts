/**
 * Turns descriptors into a chain; what the two ring formats have in common. It
 * is given values, each read from guest memory once.
 *
 * @module
 */

import { Region } from "../../memory/region.ts";
import { RANGE, Segments } from "../../memory/segments.ts";
import { ChainFault, DescriptorChain, KEPT_DESCRIPTORS } from "./chain.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { DESCRIPTOR_BYTES } from "./layout.ts";

const TWO_TO_32 = 0x1_0000_0000;

/** Most descriptors of an indirect table: as many as `next` can number. */
const MAX_TABLE_DESCRIPTORS = 65536;

/** Fills one chain at a time. */
export class ChainBuilder {
  /** The indirect table opened last is in these words, from `tableWord`. */
  tableWords: Uint32Array<ArrayBuffer>;
  tableWord = 0;
  tableCount = 0;
  readonly #memory: GuestMemory;
  readonly #pieces = new Segments();
  #copy = new Region(new Uint8Array(0));
  #chain = new DescriptorChain();
  #ranges = this.#chain.ranges;
  /** Words of `#ranges` in use, and those of them that are readable; -1: all. */
  #at = 0;
  #readableWords = -1;
  /** Where the range before ends, or -1 where none can join it. */
  #end = -1;
  /** How long the last range is so far. */
  #lastBytes = 0;
  /** Whether all ranges so far are as long as those that were here before. */
  #isLikeLast = false;
  /** The window of guest memory that was hit last. */
  #place = 0;
  #windowLow = 0;
  #windowHigh = 0;
  #windowBytes = 0;
  /** Of descriptors from the first that is outside guest memory on. */
  #unmappedBytes = 0;
  #lastWritableAddress = 0;
  #lastWritableBytes = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.tableWords = this.#copy.words!;
  }

  begin(chain: DescriptorChain): void {
    if (chain.descriptorCount > KEPT_DESCRIPTORS) chain.release();
    chain.fault = ChainFault.None;
    chain.descriptorCount = 0;
    chain.ringDescriptors = 0;
    this.#chain = chain;
    this.#ranges = chain.ranges;
    this.#isLikeLast = true;
    this.#at = 0;
    this.#readableWords = -1;
    this.#end = -1;
    this.#unmappedBytes = 0;
  }

  /** Adds one descriptor; false when that makes the chain malformed. */
  append(
    addressLow: number,
    addressHigh: number,
    lengthBytes: number,
    writable: boolean,
  ): boolean {
    if (writable) {
      if (this.#readableWords < 0) this.#beginWritable();
    } else if (this.#readableWords >= 0) return false;
    const offset = (addressLow - this.#windowLow) >>> 0;
    const windowBytes = this.#windowBytes;
    // An empty range counts as longer than all others; and not offset +
    // lengthBytes: that sum may be past 2^32.
    if (
      addressHigh === this.#windowHigh && offset < windowBytes &&
      (lengthBytes - 1) >>> 0 < windowBytes - offset
    ) {
      this.#put(offset, lengthBytes);
    } else if (lengthBytes > 0) {
      this.#appendElsewhere(addressLow, addressHigh, lengthBytes, writable);
    }
    return true;
  }

  /** Adds a range of the window that was hit last. */
  #put(offset: number, lengthBytes: number): void {
    if (offset === this.#end) {
      this.#lastBytes += lengthBytes;
      this.#end = offset + lengthBytes;
      return;
    }
    this.#endRange();
    const at = this.#at;
    let ranges = this.#ranges;
    if (at === ranges.length) {
      ranges = this.#chain.growRanges();
      this.#ranges = ranges;
    }
    ranges[at] = this.#place;
    ranges[at + 1] = offset;
    this.#at = at + RANGE;
    this.#lastBytes = lengthBytes;
    this.#end = offset + lengthBytes;
  }

  /** Nothing more joins the last range: its length is known. */
  #endRange(): void {
    const at = this.#at - 1;
    if (at < 0) return;
    const ranges = this.#ranges;
    if (ranges[at] === this.#lastBytes) return;
    ranges[at] = this.#lastBytes;
    this.#isLikeLast = false;
  }

  #beginWritable(): void {
    this.#readableWords = this.#at;
    this.#endRange();
    this.#end = -1;
  }

  /** Adds what is in another window, in several or in none. */
  #appendElsewhere(
    addressLow: number,
    addressHigh: number,
    lengthBytes: number,
    writable: boolean,
  ): void {
    const address = addressHigh * TWO_TO_32 + addressLow;
    if (this.#unmappedBytes > 0 || !this.#appendPieces(address, lengthBytes)) {
      this.#addUnmapped(address, lengthBytes, writable);
    }
  }

  #appendPieces(address: number, lengthBytes: number): boolean {
    const memory = this.#memory;
    let at = address;
    let left = lengthBytes;
    while (left > 0) {
      if (!memory.find(at)) return false;
      this.#windowLow = memory.hitLow;
      this.#windowHigh = memory.hitHigh;
      this.#windowBytes = memory.hitBytes;
      this.#place = memory.hit;
      this.#end = -1;
      const offset = memory.offsetInHit(at);
      const taken = Math.min(left, this.#windowBytes - offset);
      this.#put(offset, taken);
      at += taken;
      left -= taken;
    }
    return true;
  }

  /** From the first such descriptor on, only the place of the status matters. */
  #addUnmapped(
    address: number,
    lengthBytes: number,
    writable: boolean,
  ): void {
    if (this.#unmappedBytes === 0) this.#lastWritableBytes = 0;
    this.#unmappedBytes += lengthBytes;
    // What follows comes here too.
    this.#windowBytes = 0;
    if (!writable) return;
    this.#lastWritableAddress = address;
    this.#lastWritableBytes = lengthBytes;
  }

  /**
   * Opens an indirect table (§2.7.5.3, §2.8.7); false when there is none to
   * read. A table that crosses regions or is not aligned is read from a copy.
   */
  openTable(
    addressLow: number,
    addressHigh: number,
    lengthBytes: number,
  ): boolean {
    const count = lengthBytes >>> 4;
    if (
      count === 0 || count > MAX_TABLE_DESCRIPTORS ||
      (lengthBytes & DESCRIPTOR_BYTES - 1) !== 0
    ) return false;
    this.tableCount = count;
    const offset = (addressLow - this.#windowLow) >>> 0;
    const windowBytes = this.#windowBytes;
    if (
      addressHigh === this.#windowHigh && offset < windowBytes &&
      lengthBytes <= windowBytes - offset && (offset & 3) === 0
    ) {
      const { words } = this.#memory.table[this.#place]!;
      if (words !== undefined) {
        this.tableWords = words;
        this.tableWord = offset >> 2;
        return true;
      }
    }
    return this.#findTable(addressHigh * TWO_TO_32 + addressLow, lengthBytes);
  }

  #findTable(address: number, lengthBytes: number): boolean {
    const memory = this.#memory;
    if (!memory.find(address)) return false;
    const { words } = memory.table[memory.hit]!;
    const offset = memory.offsetInHit(address);
    if (
      words === undefined || (offset & 3) !== 0 ||
      lengthBytes > memory.hitBytes - offset
    ) return this.#copyTable(address, lengthBytes);
    this.tableWords = words;
    this.tableWord = offset >> 2;
    return true;
  }

  /** Ends a chain whose structure is intact. */
  finish(): void {
    const chain = this.#chain;
    this.#endRange();
    const { table } = this.#memory;
    const end = this.#at;
    const start = this.#readableWords < 0 ? end : this.#readableWords;
    chain.isLikeLast = this.#isLikeLast && chain.rangeWords === end &&
      chain.readableWords === start && chain.table === table &&
      this.#unmappedBytes === 0;
    if (!chain.isLikeLast && !this.#shape(chain, start, end)) return;
    if (start === end) return;
    chain.statusRegion = table[this.#ranges[end - RANGE]!];
    chain.statusOffset = this.#end - 1;
  }

  /** Makes the two lists windows on the ranges; false with a fault. */
  #shape(chain: DescriptorChain, start: number, end: number): boolean {
    const { table } = this.#memory;
    const ranges = this.#ranges;
    const readableBytes = sumOfLengths(ranges, 0, start);
    const writableBytes = sumOfLengths(ranges, start, end);
    const totalBytes = readableBytes + writableBytes + this.#unmappedBytes;
    // virtio 1.4 §2.7.5: no chain is longer than 2^32 bytes.
    if (totalBytes > TWO_TO_32) {
      this.reject();
      return false;
    }
    if (this.#unmappedBytes > 0) {
      this.#finishUnmapped(chain);
      return false;
    }
    chain.table = table;
    chain.rangeWords = end;
    chain.readableWords = start;
    chain.readable.adopt(table, ranges, 0, start, readableBytes);
    chain.writable.adopt(table, ranges, start, end, writableBytes);
    chain.statusRegion = undefined;
    return true;
  }

  /** Ends a chain whose structure is not intact. */
  reject(): void {
    this.#chain.clear();
    this.#chain.fault = ChainFault.Malformed;
  }

  #copyTable(address: number, lengthBytes: number): boolean {
    const pieces = this.#pieces;
    pieces.clear();
    if (!this.#memory.translate(address, lengthBytes, pieces)) return false;
    if (this.#copy.lengthBytes < lengthBytes) {
      this.#copy = new Region(new Uint8Array(lengthBytes));
    }
    pieces.read(0, this.#copy.bytes.subarray(0, lengthBytes));
    this.tableWords = this.#copy.words!;
    this.tableWord = 0;
    return true;
  }

  /** A descriptor that is not wholly mapped is written nowhere. */
  #finishUnmapped(chain: DescriptorChain): void {
    chain.clear();
    chain.fault = ChainFault.Unmapped;
    const lengthBytes = this.#lastWritableBytes;
    if (lengthBytes === 0) return;
    const pieces = this.#pieces;
    pieces.clear();
    const address = this.#lastWritableAddress;
    if (!this.#memory.translate(address, lengthBytes, pieces)) return;
    const last = pieces.count - 1;
    chain.statusRegion = pieces.region(last);
    chain.statusOffset = pieces.offset(last) + pieces.lengthBytes(last) - 1;
  }
}

/** Bytes of the ranges from word `start` to `end`. */
function sumOfLengths(
  ranges: Int32Array<ArrayBuffer>,
  start: number,
  end: number,
): number {
  let sum = 0;
  for (let at = start; at < end; at += RANGE) sum += ranges[at + RANGE - 1]!;
  return sum;
}
