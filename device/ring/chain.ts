/**
 * What a device gets from a virtqueue: one buffer as two lists of segments.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";

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
   * Where the last byte of the last writable descriptor of non-zero length is.
   * Undefined where there is none, it is unmapped or the chain is malformed.
   */
  statusRegion: Region | undefined;
  /** Offset of that byte in `statusRegion`. */
  statusOffset = 0;

  /** Empties the chain for the next buffer. */
  reset(): void {
    if (this.descriptorCount > KEPT_DESCRIPTORS) this.release();
    this.readable.clear();
    this.writable.clear();
    this.descriptorCount = 0;
    this.ringDescriptors = 0;
    this.fault = ChainFault.None;
    this.statusRegion = undefined;
  }

  /** Drops every reference to guest memory. */
  release(): void {
    this.readable.release();
    this.writable.release();
    this.statusRegion = undefined;
  }
}
