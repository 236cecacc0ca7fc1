/**
 * Where a ring starts, as SET_VRING_BASE says it.
 *
 * @module
 */

import type { GuestMemory } from "../../ring/guest_memory.ts";
import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_NEXT,
  type RingAreas,
} from "../../ring/layout.ts";
import type { UsedJournal } from "../../ring/used_journal.ts";
import {
  INDEX,
  isAvailableAt,
  RingPositions,
} from "../../ring/ring_positions.ts";
import { PACKED_START, startOf } from "../../ring/ring_start.ts";
import { Segments } from "../../../memory/segments.ts";

/** Where `idx` is in a split ring's available and used ring (virtio 1.4 §2.7). */
const INDEX_OFFSET = 2;
/** Where `flags` is in a packed ring's descriptor (§2.8.5). */
const FLAGS_OFFSET = 14;
/** A packed ring's start in the 16-bit form of front-ends that leave out the used half. */
const PACKED_START_16_BITS = 0x8000;

/**
 * The position that a base stands for, or what is wrong with it. `stoppedAt` is
 * where the ring stopped on this connection, undefined where it never ran.
 *
 * DPDK's and SPDK's virtio-user start packed rings at 0x8000, and front-ends
 * that know of split rings only at 0. No ring is ever in these states but one
 * that stopped there. A base of 16 bits may also be where the ring stopped,
 * without its used half.
 */
export function ringPosition(
  base: number | undefined,
  stoppedAt: number | undefined,
  size: number,
  packed: boolean,
): number | string {
  if (base === undefined) return startOf(packed);
  const hex = `base 0x${base.toString(16)}`;
  if (!packed) return base <= 0xffff ? base : `${hex} is past 16 bits`;
  if (base === stoppedAt) return base;
  if (stoppedAt !== undefined && base === (stoppedAt & 0xffff)) {
    return stoppedAt;
  }
  if (base === 0 || base === PACKED_START_16_BITS) return PACKED_START;
  const available = base & 0xffff;
  const used = base >>> 16;
  if ((available & INDEX) >= size || (used & INDEX) >= size) {
    return `${hex} is outside the ring`;
  }
  return available === used
    ? base
    : `${hex} has descriptors under way, of which nothing is known`;
}

/**
 * Where a ring goes on that another process served: behind all that was answered.
 * Completions are in order while state is kept, so that a split ring's used index
 * tells it, and `journal` for a packed one. What was taken and not answered is
 * done again.
 */
export function restartPosition(
  memory: GuestMemory,
  { usedAddress }: RingAreas,
  size: number,
  journal: UsedJournal | false,
): number | string {
  if (!journal) {
    return readWord(memory, usedAddress + INDEX_OFFSET) ??
      "the used ring is outside the shared memory";
  }
  const { position } = journal;
  const used = position >>> 16;
  return (used & INDEX) < size && used === (position & 0xffff)
    ? position
    : `a journal at 0x${position.toString(16)} of a ring of ${size}`;
}

/**
 * How many requests behind `base`, where a ring goes on, the process before may
 * have begun: all that were available then, and those since.
 */
export function begunRequests(
  memory: GuestMemory,
  areas: RingAreas,
  size: number,
  base: number,
  journal: UsedJournal | undefined,
): number {
  if (journal) {
    const done = unshownDescriptors(journal);
    return begunLists(memory, areas, size, base & 0xffff, done);
  }
  const index = readWord(memory, areas.availableAddress + INDEX_OFFSET) ?? base;
  return (index - base) & 0xffff;
}

/**
 * Descriptors of a packed ring that were about to be shown. What uses them is done,
 * whether it has been shown or not.
 */
export function unshownDescriptors(journal: UsedJournal): number {
  return journal.descriptors(journal.unshown);
}

/**
 * Lists that a packed ring has available from `position` on, but for the first
 * `done` descriptors.
 */
function begunLists(
  memory: GuestMemory,
  areas: RingAreas,
  size: number,
  position: number,
  done: number,
): number {
  const positions = new RingPositions(size, true);
  let at = positions.after(position, done);
  let lists = 0;
  for (let i = 0; i < size; i++) {
    const flags = flagsAt(memory, areas, at);
    if (!isAvailableAt(flags, at)) break;
    if ((flags & DESCRIPTOR_NEXT) === 0) lists++;
    at = positions.after(at, 1);
  }
  return lists;
}

/**
 * Requests of a ring from `base` to the one at `position`, which is counted; 0 where
 * that is no position of requests under way.
 */
export function requestsUpTo(
  memory: GuestMemory,
  areas: RingAreas,
  { size, packed }: { readonly size: number; readonly packed: boolean },
  base: number,
  position: number,
): number {
  if (!packed) {
    const count = ((position - base) & 0xffff) + 1;
    return count <= size ? count : 0;
  }
  const positions = new RingPositions(size, packed);
  let at = base & 0xffff;
  for (let i = 0, lists = 1; i < size; i++) {
    if (at === position) return lists;
    if ((flagsAt(memory, areas, at) & DESCRIPTOR_NEXT) === 0) lists++;
    at = positions.after(at, 1);
  }
  return 0;
}

/** The flags of a packed ring's descriptor at `position`. */
export function flagsAt(
  memory: GuestMemory,
  { descriptorAddress }: RingAreas,
  position: number,
): number {
  const at = descriptorAddress + DESCRIPTOR_BYTES * (position & INDEX);
  return readWord(memory, at + FLAGS_OFFSET) ?? 0;
}

/** 16 bits at a guest address. */
function readWord(
  memory: GuestMemory,
  address: number,
): number | undefined {
  const word = new Segments();
  const bytes = new Uint8Array(2);
  if (!memory.translate(address, 2, word)) return undefined;
  word.read(0, bytes);
  return bytes[0]! | bytes[1]! << 8;
}

/** A ring's base for logs; of a packed ring, wrap counters and two indices. */
export function baseText(packed: boolean, base: number): string {
  return packed ? `0x${base.toString(16)}` : `${base}`;
}
