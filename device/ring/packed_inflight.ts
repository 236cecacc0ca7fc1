/**
 * The requests of a packed ring that are under way, in the standard's layout: with
 * copies of their descriptors, since the ring's are overwritten by answers.
 *
 * @module
 */

import {
  beginInflight,
  INFLIGHT_LAYOUT,
  type InflightFields,
  inflightFields,
  type InflightPart,
  inflightProblem,
  SIZE_WORD,
} from "./inflight_part.ts";
import { DESCRIPTOR_AVAILABLE, DESCRIPTOR_USED } from "./layout.ts";
import type { PackedVirtqueue } from "./packed_virtqueue.ts";
import { NO_CHAIN } from "./virtqueue.ts";

const { header: HEADER, entry: ENTRY } = INFLIGHT_LAYOUT.packed;
/** 16-bit words of the header. */
const FREE_HEAD = 6;
const OLD_FREE_HEAD = 7;
const USED_INDEX = 8;
const OLD_USED_INDEX = 9;
/** Its bytes. */
const USED_WRAP = 20;
const OLD_USED_WRAP = 21;
/** 16-bit words of an entry. */
const NEXT = 1;
const LAST = 2;
const COUNT = 3;
const ID = 8;
const FLAGS = 9;
const LENGTH_LOW = 10;
const ADDRESS = 12;
/** The 64-bit word of an entry that is its counter. */
const COUNTER = 1;
/** 16-bit words of a descriptor in the ring. */
const DESCRIPTOR_ID = 6;

const USED_FLAGS = DESCRIPTOR_AVAILABLE | DESCRIPTOR_USED;

/** Heads a list that had no room, beside those that a thread is stuck with. */
const UNWRITTEN = -1;

const byteOf = (entry: number): number => HEADER + ENTRY * entry;
const wordOf = (entry: number): number => byteOf(entry) / 2;
const longOf = (entry: number): number => byteOf(entry) / 8;

/** A list under way: its entries, first to last. */
interface KeptList {
  readonly entries: readonly number[];
  readonly counter: bigint;
}

/** Entries that a part says it has, and has room for. */
const entriesOf = ({ bytes, words }: InflightFields): number =>
  Math.min(words[SIZE_WORD]!, Math.floor((bytes.length - HEADER) / ENTRY));

/** Makes the part one of a ring with nothing under way; it stands at `base`. */
export function beginPackedInflight(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  base: number,
): void {
  const fields = inflightFields(bytes);
  const { words } = fields;
  beginInflight(fields, size, () => {
    const index = base >>> 16 & 0x7fff;
    words[USED_INDEX] = words[OLD_USED_INDEX] = index;
    bytes[USED_WRAP] = bytes[OLD_USED_WRAP] = base >>> 31;
    for (let entry = 0; entry < size; entry++) {
      words[wordOf(entry) + NEXT] = entry + 1;
    }
  });
}

/**
 * Brings what another process has written up to what the driver was shown, by the
 * flags of its ring, and returns where the ring goes on and how many requests are
 * under way from there on; a string says what is wrong.
 */
export function recoverPackedInflight(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  flagsAt: (index: number) => number,
): { base: number; count: number } | string {
  const fields = inflightFields(bytes);
  const { words } = fields;
  const problem = inflightProblem(fields, size);
  if (problem !== undefined) return problem;
  const old = words[OLD_USED_INDEX]!;
  if (old >= size || words[USED_INDEX]! >= size) {
    return "an in-flight region of a longer ring";
  }
  const wrap = bytes[OLD_USED_WRAP]! & 1;
  const hasMoved = words[USED_INDEX] !== old ||
    (bytes[USED_WRAP]! & 1) !== wrap;
  if (hasMoved && !isAvailable(flagsAt(old), wrap)) {
    // The batch was shown, and that not written down.
    words[OLD_FREE_HEAD] = words[FREE_HEAD]!;
    bytes[OLD_USED_WRAP] = bytes[USED_WRAP]!;
    Atomics.store(words, OLD_USED_INDEX, words[USED_INDEX]!);
  }
  words[FREE_HEAD] = words[OLD_FREE_HEAD]!;
  bytes[USED_WRAP] = bytes[OLD_USED_WRAP]!;
  Atomics.store(words, USED_INDEX, words[OLD_USED_INDEX]!);
  const lists = readLists(fields, entriesOf(fields), size);
  if (typeof lists === "string") return lists;
  const used = words[USED_INDEX]! | (bytes[USED_WRAP]! & 1) << 15;
  return { base: (used | used << 16) >>> 0, count: lists.length };
}

/** Whether a descriptor is one that the driver has made available. */
function isAvailable(flags: number, wrap: number): boolean {
  const available = (flags & DESCRIPTOR_AVAILABLE) !== 0;
  const used = (flags & DESCRIPTOR_USED) !== 0;
  return available === (wrap === 1) && used !== available;
}

/**
 * The lists under way in their order, of a part of `all` entries and a ring of `size`;
 * what is free is marked as that.
 */
function readLists(
  { bytes, words, longs }: InflightFields,
  all: number,
  size: number,
): readonly KeptList[] | string {
  const seen = new Set<number>();
  // What is behind the last entry ends the list.
  let entry = words[FREE_HEAD]!;
  while (entry < all && !seen.has(entry)) {
    seen.add(entry);
    Atomics.store(bytes, byteOf(entry), 0);
    entry = words[wordOf(entry) + NEXT]!;
  }
  const lists: KeptList[] = [];
  let total = 0;
  for (let head = 0; head < all; head++) {
    if (bytes[byteOf(head)] === 0) continue;
    const entries: number[] = [];
    const count = words[wordOf(head) + COUNT]!;
    for (let at = head; entries.length < count;) {
      if (at >= all || seen.has(at)) break;
      seen.add(at);
      entries.push(at);
      at = words[wordOf(at) + NEXT]!;
    }
    total += count;
    if (count === 0 || entries.length < count || total > size) {
      return "an in-flight region whose lists contradict each other";
    }
    lists.push({ entries, counter: longs[longOf(head) + COUNTER]! });
  }
  return lists.sort((a, b) => Number(a.counter - b.counter));
}

/** The part of a packed ring. */
export class PackedInflight implements InflightPart {
  readonly #ring: PackedVirtqueue;
  readonly #ringWords: Uint16Array<ArrayBuffer>;
  readonly #fields: InflightFields;
  readonly #size: number;
  /** Heads of lists that another process had taken. */
  readonly #left: number[] = [];
  /** Entries as this process knows them, whatever becomes of the region. */
  readonly #next: Int32Array;
  readonly #last: Int32Array;
  readonly #count: Int32Array;
  #free: number;
  #freeCount: number;
  /** The entry that heads the list of each slot. */
  readonly #heads: number[] = [];
  /** Heads in the order in which they are answered; undefined: in any. */
  readonly #order: number[] | undefined;
  #batch: number[] = [];
  /** What has been staged, as `usedPosition`. */
  #staged: number;
  #counter: bigint;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    ring: PackedVirtqueue,
    ringWords: Uint16Array<ArrayBuffer>,
    inOrder: boolean,
    takesAgain: boolean,
  ) {
    this.#ring = ring;
    this.#ringWords = ringWords;
    this.#fields = inflightFields(bytes);
    this.#order = inOrder ? [] : undefined;
    this.#staged = ring.usedPosition;
    // Whoever shares the part may have changed it since it was looked through.
    const size = Math.max(entriesOf(this.#fields), ring.size);
    this.#size = size;
    this.#next = new Int32Array(size);
    this.#last = new Int32Array(size);
    this.#count = new Int32Array(size);
    const left = readLists(this.#fields, size, ring.size);
    const lists = typeof left === "string" ? [] : left;
    const taken = new Set<number>();
    for (const { entries } of lists) {
      const head = entries[0]!;
      this.#last[head] = entries.at(-1)!;
      this.#count[head] = entries.length;
      this.#left.push(head);
      for (const [i, entry] of entries.entries()) {
        this.#next[entry] = entries[i + 1] ?? size;
        taken.add(entry);
      }
    }
    if (takesAgain) this.#putBack(lists);
    else this.#hideAnswers(taken.size);
    this.#free = this.#relink(taken);
    this.#freeCount = size - taken.size;
    this.#counter = (lists.at(-1)?.counter ?? 0n) + 1n;
    // What a journal had written down has been shown by now.
    this.showing();
    this.shown();
  }

  /**
   * Puts lists under way back where the ring goes on, in their order: answers have
   * been written over descriptors of others.
   */
  #putBack(lists: readonly KeptList[]): void {
    const { usedPosition, size } = this.#ring;
    const { words } = this.#fields;
    const ring = this.#ringWords;
    let wrap = usedPosition >>> 15;
    let index = usedPosition & 0x7fff;
    for (const entry of lists.flatMap(({ entries }) => entries)) {
      const from = wordOf(entry);
      const to = 8 * index;
      for (let i = 0; i < 4; i++) ring[to + i] = words[from + ADDRESS + i]!;
      ring[to + 4] = words[from + LENGTH_LOW]!;
      ring[to + 5] = words[from + LENGTH_LOW + 1]!;
      ring[to + DESCRIPTOR_ID] = words[from + ID]!;
      const own = words[from + FLAGS]! & ~USED_FLAGS;
      const state = wrap === 1 ? DESCRIPTOR_AVAILABLE : DESCRIPTOR_USED;
      Atomics.store(ring, to + DESCRIPTOR_ID + 1, own | state);
      if (++index < size) continue;
      index = 0;
      wrap ^= 1;
    }
  }

  /**
   * Takes answers back that were written and not shown: behind the first of them
   * they would be, once there is another in its place. `count` descriptors of the
   * ring are under way.
   */
  #hideAnswers(count: number): void {
    const { usedPosition, size } = this.#ring;
    const ring = this.#ringWords;
    let wrap = usedPosition >>> 15;
    let index = usedPosition & 0x7fff;
    for (let i = 0; i < count; i++) {
      const at = 8 * index + DESCRIPTOR_ID + 1;
      const flags = ring[at]!;
      const isShown = wrap === 1
        ? (flags & USED_FLAGS) === USED_FLAGS
        : (flags & USED_FLAGS) === 0;
      if (isShown) Atomics.store(ring, at, flags ^ DESCRIPTOR_USED);
      if (++index < size) continue;
      index = 0;
      wrap ^= 1;
    }
  }

  /** Links all entries that are free; returns the first of them. */
  #relink(taken: ReadonlySet<number>): number {
    const { words } = this.#fields;
    let free = this.#size;
    for (let entry = this.#size - 1; entry >= 0; entry--) {
      if (taken.has(entry)) continue;
      this.#next[entry] = free;
      words[wordOf(entry) + NEXT] = free;
      free = entry;
    }
    words[FREE_HEAD] = free;
    words[OLD_FREE_HEAD] = free;
    return free;
  }

  get left(): number {
    return this.#left.length;
  }

  takeAgain(): number {
    const head = this.#left.shift()!;
    const ring = this.#ring;
    const slot = ring.pop();
    if (slot === NO_CHAIN) return slot;
    const count = this.#count[head]!;
    if (ring.slots.ringDescriptors[slot] !== count) {
      ring.broken =
        `a list of ${count} descriptors that was under way is not ` +
        "whole";
      return NO_CHAIN;
    }
    this.#heads[slot] = head;
    this.#order?.push(head);
    return slot;
  }

  taken(slots: Int32Array, count: number): void {
    const { base, size, slots: { ringDescriptors } } = this.#ring;
    let index = (base & 0x7fff) + size;
    for (let i = 0; i < count; i++) index -= ringDescriptors[slots[i]!]!;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const descriptors = ringDescriptors[slot]!;
      this.#heads[slot] = this.#write(index, descriptors);
      index += descriptors;
    }
  }

  /** Writes a list down, if there is room; returns the entry that heads it. */
  #write(index: number, count: number): number {
    if (count > this.#freeCount) return UNWRITTEN;
    this.#freeCount -= count;
    const { bytes, words, longs } = this.#fields;
    const head = this.#free;
    let last = head;
    for (let i = 0; i < count; i++) {
      last = this.#free;
      this.#copyIn(last, (index + i) % this.#ring.size);
      this.#free = this.#next[last]!;
    }
    const at = wordOf(head);
    words[at + LAST] = last;
    words[at + COUNT] = count;
    longs[longOf(head) + COUNTER] = this.#counter++;
    Atomics.store(bytes, byteOf(head), 1);
    words[FREE_HEAD] = this.#free;
    Atomics.store(words, OLD_FREE_HEAD, this.#free);
    this.#last[head] = last;
    this.#count[head] = count;
    this.#order?.push(head);
    return head;
  }

  #copyIn(entry: number, index: number): void {
    const { words } = this.#fields;
    const ring = this.#ringWords;
    const at = wordOf(entry);
    const from = 8 * index;
    for (let i = 0; i < 4; i++) words[at + ADDRESS + i] = ring[from + i]!;
    words[at + LENGTH_LOW] = ring[from + 4]!;
    words[at + LENGTH_LOW + 1] = ring[from + 5]!;
    words[at + ID] = ring[from + DESCRIPTOR_ID]!;
    words[at + FLAGS] = ring[from + DESCRIPTOR_ID + 1]!;
  }

  answered(slots: Int32Array, count: number): void {
    // In order, what is shown tells.
    if (this.#order) return;
    for (let i = 0; i < count; i++) this.#stage(this.#heads[slots[i]!]!);
  }

  /** Stages the lists before `usedPosition`, which were taken first. */
  #stageInTurn(order: number[], usedPosition: number): void {
    const before = this.#staged;
    let moved = (usedPosition & 0x7fff) - (before & 0x7fff);
    if (((usedPosition ^ before) & 0x8000) !== 0) moved += this.#ring.size;
    while (moved > 0 && order.length > 0) {
      const head = order.shift()!;
      moved -= this.#count[head]!;
      this.#stage(head);
    }
  }

  #stage(head: number): void {
    if (head === UNWRITTEN) return;
    this.#freeCount += this.#count[head]!;
    const { words } = this.#fields;
    const last = this.#last[head]!;
    this.#next[last] = this.#free;
    words[wordOf(last) + NEXT] = this.#free;
    this.#free = head;
    words[FREE_HEAD] = head;
    this.#batch.push(head);
  }

  showing(): void {
    const { bytes, words } = this.#fields;
    const { usedPosition } = this.#ring;
    if (this.#order) this.#stageInTurn(this.#order, usedPosition);
    this.#staged = usedPosition;
    bytes[USED_WRAP] = this.#staged >>> 15;
    Atomics.store(words, USED_INDEX, this.#staged & 0x7fff);
  }

  shown(): void {
    const { bytes, words } = this.#fields;
    for (const head of this.#batch) Atomics.store(bytes, byteOf(head), 0);
    this.#batch = [];
    words[OLD_FREE_HEAD] = this.#free;
    bytes[OLD_USED_WRAP] = this.#staged >>> 15;
    Atomics.store(words, OLD_USED_INDEX, this.#staged & 0x7fff);
  }
}
