/**
 * A chain as an object with two lists of segments: for queues that are served
 * one chain at a time, and for tests.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import { Segments } from "../../memory/segments.ts";
import { ChainFault, NO_STATUS_PLACE } from "./chain_slots.ts";
import { NO_CHAIN, type Virtqueue } from "./virtqueue.ts";

export { ChainFault };

/**
 * One buffer, filled by {@linkcode popChain} and given back by pushing its slot.
 * With a fault both lists are empty.
 */
export class DescriptorChain {
  slot = NO_CHAIN;
  /** Split: index of the first descriptor. Packed: the buffer ID. */
  head = 0;
  /** Descriptors in the chain, those in an indirect table included. */
  descriptorCount = 0;
  /** Packed: descriptors of the ring itself that the chain takes. */
  ringDescriptors = 0;
  readonly readable = new Segments();
  readonly writable = new Segments();
  fault = ChainFault.None;
  /** Whether its ranges are as long as those of the chain before in its slot. */
  alike = false;
  /**
   * Where the last byte of the last writable descriptor of non-zero length is.
   * Undefined where there is none, it is not wholly in guest memory, or the chain
   * is malformed.
   */
  statusRegion: Region | undefined;
  /** Offset of that byte in `statusRegion`. */
  statusOffset = 0;

  /** Lets go of the lists, and of the memory that they name. */
  release(): void {
    this.readable.release();
    this.writable.release();
    this.statusRegion = undefined;
  }
}

/** Takes the next chain; false when there is none or the ring is broken. */
export function popChain(
  virtqueue: Virtqueue,
  chain: DescriptorChain,
): boolean {
  const slot = virtqueue.pop();
  if (slot === NO_CHAIN) return false;
  showChain(virtqueue, slot, chain);
  return true;
}

/** Makes `chain` the one that is in a slot. */
export function showChain(
  { slots, regions }: Virtqueue,
  slot: number,
  chain: DescriptorChain,
): void {
  const { block, starts, ends } = slots.lists;
  const start = starts[slot]!;
  const writableStart = start + slots.readableWords[slot]!;
  chain.slot = slot;
  chain.head = slots.heads[slot]!;
  chain.descriptorCount = slots.descriptorCounts[slot]!;
  chain.ringDescriptors = slots.ringDescriptors[slot]!;
  chain.fault = slots.faults[slot]!;
  chain.alike = slots.alike[slot] !== 0;
  chain.readable.adopt(
    regions,
    block,
    start,
    writableStart,
    slots.readableBytes[slot]!,
  );
  chain.writable.adopt(
    regions,
    block,
    writableStart,
    ends[slot]!,
    slots.writableBytes[slot]!,
  );
  const region = slots.statusRegions[slot]!;
  chain.statusRegion = region === NO_STATUS_PLACE ? undefined : regions[region];
  chain.statusOffset = slots.statusOffsets[slot]!;
}
