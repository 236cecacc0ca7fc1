/**
 * Where a ring is in guest memory, as the memory is at the moment. A front-end
 * names rings by its own addresses: memory that comes back may have others in
 * the guest.
 *
 * @module
 */

import type { GuestMemory } from "../../ring/guest_memory.ts";
import { ringShape } from "../../ring/layout.ts";
import type { RingPlace } from "../../ring/virtqueue.ts";
import type { RingAddresses } from "./payloads.ts";

/** A range of addresses. */
export interface AddressRange {
  readonly address: number;
  readonly lengthBytes: number;
}

/** The three areas in the front-end's addresses, in the order above. */
export function areasOf(
  { descriptor, available, used }: RingAddresses,
  size: number,
  packed: boolean,
): readonly AddressRange[] {
  const shape = ringShape(size, packed);
  return [
    { address: descriptor, lengthBytes: shape.descriptor.lengthBytes },
    { address: available, lengthBytes: shape.driver.lengthBytes },
    { address: used, lengthBytes: shape.device.lengthBytes },
  ];
}

/** The areas of a ring, or undefined while any of them is not wholly there. */
export function locateRing(
  memory: GuestMemory,
  addresses: RingAddresses,
  size: number,
  packed: boolean,
): RingPlace | undefined {
  const [descriptorAddress, availableAddress, usedAddress] = areasOf(
    addresses,
    size,
    packed,
  ).map(({ address, lengthBytes }) => {
    const guestAddress = memory.userToGuest(address);
    if (guestAddress === undefined) return undefined;
    return memory.locate(guestAddress, lengthBytes) ? guestAddress : undefined;
  });
  return descriptorAddress === undefined || availableAddress === undefined ||
      usedAddress === undefined
    ? undefined
    : {
      descriptorAddress,
      availableAddress,
      usedAddress,
      usedLogAddress: addresses.log,
    };
}
