/**
 * What a device gets from a virtqueue: one buffer as two lists of segments.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import { RANGE, Segments } from "../../memory/segments.ts";

/** What is wrong with a chain. */
export const enum ChainFault {
  None = 0,
  /** The structure is intact; a part of the buffer is outside guest memory. */
  Unmapped = 1,
  /**
   * A loop, a bad `next`, a bad indirect table, a readable descriptor after a
   * writable one, or more descriptors or bytes than allowed.
   */
  Malformed = 2,
}

/** Lists that grew beyond this are not kept for the next chain. */
export const KEPT_DESCRIPTORS = 4096;

/** Ranges that a chain has room for at first. */
const FIRST_RANGES = 6;

/**
 * One buffer, filled by {@linkcode Virtqueue.pop} and given back with `push`. It
 * may be refilled once pushed. With a fault both lists are empty.
 */
export class DescriptorChain {
  /** Split: index of the first descriptor. Packed: the buffer ID. */
  head = 0;
  /** Descriptors in the chain, those in an indirect table included. */
  descriptorCount = 0;
  /** Packed: descriptors of the ring itself that the chain takes. */
  ringDescriptors = 0;
  /** Place in the order in which chains became available; for IN_ORDER. */
  order = 0;
  readonly readable = new Segments();
  readonly writable = new Segments();
  fault: ChainFault = ChainFault.None;
  /**
   * Whether both lists have ranges of the same lengths as the buffer before had
   * that was in this object, so that windows on them fit again.
   */
  isLikeLast = false;
  /**
   * Where the last byte of the last writable descriptor of non-zero length is.
   * Undefined where there is none, any of it is unmapped or the chain is
   * malformed.
   */
  statusRegion: Region | undefined;
  /** Offset of that byte in `statusRegion`. */
  statusOffset = 0;
  /** The regions that `ranges` numbers. */
  table: Region[] = [];
  /** What both lists are windows on, as `Segments.adopt` takes it. */
  ranges = new Int32Array(RANGE * FIRST_RANGES);
  /** Words of `ranges` in use; -1 with a fault. */
  rangeWords = -1;
  /** How many of them are the readable list's. */
  readableWords = 0;

  /** Makes room for more ranges. */
  growRanges(): Int32Array<ArrayBuffer> {
    const grown = new Int32Array(2 * this.ranges.length);
    grown.set(this.ranges);
    this.ranges = grown;
    return grown;
  }

  /** Empties both lists. */
  clear(): void {
    this.readable.clear();
    this.writable.clear();
    this.isLikeLast = false;
    this.rangeWords = -1;
    this.statusRegion = undefined;
  }

  /** Gives up the room that a long chain took, and all references to memory. */
  release(): void {
    this.clear();
    this.readable.release();
    this.writable.release();
    this.ranges = new Int32Array(RANGE * FIRST_RANGES);
  }
}
