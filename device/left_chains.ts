/**
 * Chains that a thread has taken and will not answer, since it was left in a call
 * that did not return. When that has returned nobody writes to them any more, and
 * another thread answers them with ERR.
 *
 * @module
 */

import type { GuestMemory } from "./ring/guest_memory.ts";
import { NO_STATUS_PLACE } from "./ring/chain_slots.ts";
import type { Virtqueue } from "./ring/virtqueue.ts";
import { Status } from "./wire/status.ts";

/** What it takes to answer a chain; structured-cloneable. */
export interface LeftChain {
  /** Split: index of the first descriptor. Packed: the buffer ID. */
  readonly head: number;
  /** Packed: descriptors of the ring itself that it takes. */
  readonly ringDescriptors: number;
  /** Guest address of its status byte; undefined where it has none. */
  readonly statusAddress: number | undefined;
}

/** The chains that a virtqueue over `memory` has given out, and not got back. */
export function leftChains(
  { slots }: Virtqueue,
  memory: GuestMemory,
): LeftChain[] {
  return slots.out.map((slot) => {
    const region = slots.statusRegions[slot]!;
    return {
      head: slots.heads[slot]!,
      ringDescriptors: slots.ringDescriptors[slot]!,
      statusAddress: region === NO_STATUS_PLACE
        ? undefined
        : memory.addressOf(region) + slots.statusOffsets[slot]!,
    };
  });
}

/** Answers chains that another virtqueue of the ring had; true: notify the driver. */
export function failLeft(
  virtqueue: Virtqueue,
  memory: GuestMemory,
  chains: readonly LeftChain[],
): boolean {
  for (const { head, ringDescriptors, statusAddress } of chains) {
    const isWritten = writeStatus(memory, statusAddress);
    virtqueue.pushLeft(head, ringDescriptors, isWritten ? 1 : 0);
  }
  return virtqueue.publish();
}

/** The memory may be another one by now. */
function writeStatus(
  memory: GuestMemory,
  address: number | undefined,
): boolean {
  const place = address === undefined ? undefined : memory.locate(address, 1);
  if (!place) return false;
  place.region.bytes[place.offset] = Status.Error;
  memory.log?.mark(address!, 1);
  return true;
}
