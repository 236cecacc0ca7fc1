/**
 * Finds the areas of a ring in guest memory and makes its virtqueue.
 *
 * @module
 */

import type { GuestMemory } from "./guest_memory.ts";
import { type AreaShape, ringShape, ringSizeProblem } from "./layout.ts";
import { LoggedVirtqueue } from "./logged_virtqueue.ts";
import { PackedVirtqueue } from "./packed_virtqueue.ts";
import type { InflightPart } from "./inflight_part.ts";
import { PackedInflight } from "./packed_inflight.ts";
import { type RingArea, words } from "./ring_area.ts";
import { SplitInflight } from "./split_inflight.ts";
import { SplitVirtqueue } from "./split_virtqueue.ts";
import { TrackedVirtqueue } from "./tracked_virtqueue.ts";
import type { RingSetup, Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

/** Makes a virtqueue, or says why there can be none. */
export function createVirtqueue(
  options: VirtqueueOptions,
): Virtqueue | { error: string } {
  const { size, packed, memory } = options;
  const problem = ringSizeProblem(size, packed);
  if (problem !== undefined) return { error: problem };
  const shape = ringShape(size, packed);
  const descriptor = findArea(
    memory,
    "descriptor area",
    options.descriptorAddress,
    shape.descriptor,
  );
  if ("error" in descriptor) return descriptor;
  const driver = findArea(
    memory,
    "driver area",
    options.availableAddress,
    shape.driver,
  );
  if ("error" in driver) return driver;
  const device = findArea(
    memory,
    "device area",
    options.usedAddress,
    shape.device,
  );
  if ("error" in device) return device;
  const setup = { ...options, descriptor, driver, device };
  const { inflight, inOrder, takesAgain = true } = options;
  if (!packed) {
    const ring = new SplitVirtqueue(setup);
    const part = inflight && new SplitInflight(inflight, ring, inOrder);
    return logged(tracked(ring, part, takesAgain), setup);
  }
  if (
    (options.base & 0x7fff) >= size || (options.base >>> 16 & 0x7fff) >= size
  ) {
    return { error: `base 0x${options.base.toString(16)} is outside the ring` };
  }
  const ring = new PackedVirtqueue(setup);
  const part = inflight && new PackedInflight(
    inflight,
    ring,
    words(descriptor),
    inOrder,
    takesAgain,
  );
  ring.tracker = part;
  return logged(tracked(ring, part, takesAgain), setup);
}

function tracked(
  virtqueue: Virtqueue,
  part: InflightPart | undefined,
  takesAgain: boolean,
): Virtqueue {
  return part ? new TrackedVirtqueue(virtqueue, part, takesAgain) : virtqueue;
}

/** Has the memory's log, where it has one, marked for a ring. */
function logged(virtqueue: Virtqueue, setup: RingSetup): Virtqueue {
  const { log } = setup.memory;
  return log ? new LoggedVirtqueue(virtqueue, setup, log) : virtqueue;
}

/** Finds an area that atomic accesses of this process can reach. */
function findArea(
  memory: GuestMemory,
  name: string,
  address: number,
  shape: AreaShape,
): RingArea | { error: string } {
  const where = `${name} at guest address 0x${address.toString(16)}`;
  if (address % shape.alignmentBytes !== 0) {
    return {
      error: `${where} is not aligned to ${shape.alignmentBytes} bytes`,
    };
  }
  const found = memory.locate(address, shape.lengthBytes);
  if (!found) return { error: `${where} is outside guest memory` };
  const bytes = found.region.bytes;
  const start = bytes.byteOffset + found.offset;
  if (start % Math.min(shape.alignmentBytes, 4) !== 0) {
    return { error: `${where} is mapped at an odd address of this process` };
  }
  return { buffer: bytes.buffer, start, lengthBytes: shape.lengthBytes };
}
