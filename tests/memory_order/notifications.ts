/**
 * The last look before a side sleeps, against the other side's look for whether
 * to notify: at least one of them has to see what the other wrote, or a
 * notification is lost (virtio 1.4 §2.7.7.2, §2.7.10.1, §2.8.10). That takes a
 * store before a load on each side, which x86-64 reorders too.
 *
 * @module
 */

import { DescriptorChain, popChain } from "../../device/ring/chain.ts";
import { Meeting } from "./meeting.ts";
import {
  dataOffset,
  deviceSides,
  driverSides,
  GUEST_ADDRESS,
  type RingsPlan,
  sharedRegion,
} from "./sides.ts";

/** What the two sides saw of each ring, each in a half of its own. */
export interface Looks {
  readonly plan: RingsPlan;
  readonly meeting: SharedArrayBuffer;
  readonly seen: SharedArrayBuffer;
}

/** Bytes for what both sides saw. */
export const seenBytes = ({ count }: { readonly count: number }): number =>
  2 * count;

/**
 * The driver's side of `rounds` rounds with every ring. Returns how many
 * notifications were lost, kicks and interrupts.
 */
export function driveAll(
  { plan, meeting: meetingMemory, seen }: Looks,
  rounds: number,
): { kicks: number; interrupts: number } {
  const region = sharedRegion(plan);
  const queues = driverSides(plan, region);
  const meeting = new Meeting(meetingMemory, true);
  const [mine, other] = halves(seen, plan.count, true);
  const buffers = queues.map((_, index) => [{
    guestAddress: GUEST_ADDRESS + dataOffset(plan, index),
    lengthBytes: 4,
  }]);
  let kicks = 0;
  let interrupts = 0;
  meeting.arrive();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < queues.length; i++) queues[i]!.add(buffers[i]!, [], i);
    meeting.arrive();
    for (let i = 0; i < queues.length; i++) {
      mine[i] = queues[i]!.publish() ? 1 : 0;
    }
    meeting.arrive();
    kicks += lost(mine, other);
    meeting.arrive();
    for (let i = 0; i < queues.length; i++) {
      mine[i] = queues[i]!.enableInterrupts() ? 1 : 0;
    }
    meeting.arrive();
    interrupts += lost(mine, other);
    for (const queue of queues) {
      if (!queue.take()) throw new Error("A request has not been used");
      queue.disableInterrupts();
    }
  }
  return { kicks, interrupts };
}

/** The device's side. */
export function serveAll(
  { plan, meeting: meetingMemory, seen }: Looks,
  rounds: number,
): void {
  const meeting = new Meeting(meetingMemory, false);
  meeting.arrive();
  const queues = deviceSides(plan, sharedRegion(plan));
  const [mine] = halves(seen, plan.count, false);
  const chain = new DescriptorChain();
  for (const queue of queues) queue.disableNotifications();
  for (let round = 0; round < rounds; round++) {
    meeting.arrive();
    for (let i = 0; i < queues.length; i++) {
      mine[i] = queues[i]!.enableNotifications() ? 1 : 0;
    }
    meeting.arrive();
    for (const queue of queues) {
      queue.disableNotifications();
      if (!popChain(queue, chain)) throw new Error("A request is not there");
      queue.push(chain.slot, 0);
    }
    meeting.arrive();
    for (let i = 0; i < queues.length; i++) {
      mine[i] = queues[i]!.publish() ? 1 : 0;
    }
    meeting.arrive();
  }
}

function halves(
  seen: SharedArrayBuffer,
  count: number,
  first: boolean,
): [Uint8Array, Uint8Array] {
  const one = new Uint8Array(seen, 0, count);
  const two = new Uint8Array(seen, count, count);
  return first ? [one, two] : [two, one];
}

function lost(mine: Uint8Array, other: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < mine.length; i++) {
    if (mine[i] === 0 && other[i] === 0) count++;
  }
  return count;
}
