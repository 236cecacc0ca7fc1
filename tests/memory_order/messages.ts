/**
 * Requests and answers through a ring whose sides are threads: what one side
 * wrote before its index or flags, the other reads after them.
 *
 * @module
 */

import { DescriptorChain, showChain } from "../../device/ring/chain.ts";
import type { GuestBuffer } from "../../driver/rings/driver_queue.ts";
import { waitUntil } from "./meeting.ts";
import {
  dataOffset,
  deviceSides,
  driverSides,
  GUEST_ADDRESS,
  type RingsPlan,
  sharedRegion,
} from "./sides.ts";

/** Data of one request: as much for the device to read as for it to write. */
const SLOT_BYTES = 64;
const MOST_WORDS = 8;
const ANSWER_OFFSET = 32;
/** Requests that are taken at a time, and published at a time, each in turn. */
const MOST_AT_ONCE = 5;
const MOST_BYTES = 1 << 20;
/** Slots for data: more than requests in flight, so that rings fill up. */
const SLOTS = 512;
/** What the ring needs for them. */
export const MESSAGES_DATA_BYTES = SLOTS * SLOT_BYTES;

const wordsOf = (number: number) => 1 + number % MOST_WORDS;
const question = (number: number, word: number) =>
  Math.imul(number + 1, 0x9e3779b1) ^ word;
const answer = (number: number, word: number) => ~question(number, word);

/** Sends `count` requests and compares every answer; returns how many came. */
export function send(
  plan: RingsPlan,
  count: number,
  ready: () => void,
): number {
  const region = sharedRegion(plan);
  const [queue] = driverSides(plan, region);
  ready();
  const words = region.words!;
  const data = dataOffset(plan, 0);
  const buffers = Array.from(
    { length: SLOTS * MOST_WORDS },
    (_, index): [GuestBuffer[], GuestBuffer[]] => {
      const at = GUEST_ADDRESS + data + (index >> 3) * SLOT_BYTES;
      const lengthBytes = 4 * wordsOf(index & MOST_WORDS - 1);
      // Read in one piece or in two, so that requests differ in length.
      const first = { guestAddress: at, lengthBytes: 4 };
      const rest = { guestAddress: at + 4, lengthBytes: lengthBytes - 4 };
      return [
        lengthBytes === 4 ? [first] : [first, rest],
        [{ guestAddress: at + ANSWER_OFFSET, lengthBytes }],
      ];
    },
  );
  let sent = 0;
  let answered = 0;
  const takeAll = () => {
    const before = answered;
    for (;;) {
      const completion = queue!.take();
      if (!completion) break;
      const number = answered++;
      const expected = wordsOf(number);
      if (
        completion.token !== number || completion.writtenBytes !== 4 * expected
      ) throw new Error(`Answer ${number} is of another length or request`);
      const at = data + number % SLOTS * SLOT_BYTES + ANSWER_OFFSET >> 2;
      for (let word = 0; word < expected; word++) {
        if (words[at + word] === answer(number, word)) continue;
        throw new Error(`Answer ${number} came before its word ${word}`);
      }
    }
    if (queue!.broken !== undefined) throw new Error(queue!.broken);
    return answered > before;
  };
  while (answered < count) {
    while (sent < count && sent - answered < SLOTS) {
      const slot = sent % SLOTS;
      const at = data + slot * SLOT_BYTES >> 2;
      const lengthWords = wordsOf(sent);
      for (let word = 0; word < lengthWords; word++) {
        words[at + word] = question(sent, word);
      }
      const [readable, writable] = buffers[slot << 3 | sent % MOST_WORDS]!;
      if (!queue!.add(readable, writable, sent)) break;
      sent++;
      // What is published together is followed by what comes by itself.
      if (sent % (1 + (sent >> 4) % MOST_AT_ONCE) === 0) queue!.publish();
    }
    queue!.publish();
    waitUntil(takeAll);
  }
  return answered;
}

/** Answers `count` requests and compares every one. */
export function answerAll(plan: RingsPlan, count: number): number {
  const region = sharedRegion(plan);
  const [queue] = deviceSides(plan, region);
  const chain = new DescriptorChain();
  let number = 0;
  const answerOne = (slot: number) => {
    showChain(queue!, slot, chain);
    const { readable, writable } = chain;
    const lengthWords = wordsOf(number);
    if (
      readable.totalBytes !== 4 * lengthWords ||
      writable.totalBytes !== 4 * lengthWords
    ) throw new Error(`Request ${number} came before its descriptors`);
    let word = 0;
    for (let piece = 0; piece < readable.count; piece++) {
      const from = readable.region(piece).words!;
      const at = readable.offset(piece) >> 2;
      for (let i = 0; i < readable.lengthBytes(piece) >> 2; i++, word++) {
        if (from[at + i] === question(number, word)) continue;
        throw new Error(`Request ${number} came before its word ${word}`);
      }
    }
    const into = writable.region(0).words!;
    const at = writable.offset(0) >> 2;
    for (let i = 0; i < lengthWords; i++) into[at + i] = answer(number, i);
    queue!.push(slot, 4 * lengthWords);
    number++;
  };
  const slots = new Int32Array(MOST_AT_ONCE);
  const serve = () => {
    const most = 1 + (number >> 4) % MOST_AT_ONCE;
    const taken = queue!.take(slots, most, MOST_BYTES);
    for (const slot of slots.subarray(0, taken)) answerOne(slot);
    queue!.publish();
    if (queue!.broken !== undefined) throw new Error(queue!.broken);
    return taken > 0;
  };
  while (number < count) waitUntil(serve);
  return number;
}
