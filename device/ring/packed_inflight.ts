/**
 * The requests of a packed ring that are under way, in the standard's layout: with
 * copies of their descriptors, since the ring's are overwritten by answers.
 *
 * @module
 */

import { ChainReader } from "./chain_reader.ts";
import type { GuestMemory } from "./guest_memory.ts";
import {
  beginInflight,
  INFLIGHT_LAYOUT,
  type InflightFields,
  inflightFields,
  type InflightPart,
  inflightProblem,
  SIZE_WORD,
} from "./inflight_part.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_USED,
  DESCRIPTOR_WORDS,
} from "./layout.ts";
import { RingPositions } from "./ring_positions.ts";
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

/** What another process has left, once it has been looked through. */
interface LeftLists {
  readonly lists: readonly KeptList[];
  /** Where the ring goes on, as GET_VRING_BASE has it. */
  readonly base: number;
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
 * under way; a string says what is wrong.
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
  const left = readLists(fields, entriesOf(fields), size);
  return typeof left === "string"
    ? left
    : { base: left.base, count: left.lists.length };
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
): LeftLists | string {
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
  lists.sort((a, b) => Number(a.counter - b.counter));
  const used = words[USED_INDEX]! | (bytes[USED_WRAP]! & 1) << 15;
  const available = new RingPositions(size, true).after(used, total);
  return { lists, base: (available | used << 16) >>> 0 };
}

/** The part of a packed ring. */
export class PackedInflight implements InflightPart {
  readonly #ring: PackedVirtqueue;
  readonly #ringWords: Uint16Array<ArrayBuffer>;
  readonly #fields: InflightFields;
  readonly #size: number;
  readonly #reader: ChainReader;
  readonly #left: { head: number; first: number; count: number }[] = [];
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
    memory: GuestMemory,
    inOrder: boolean,
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
    const lists = typeof left === "string" ? [] : left.lists;
    const table = new Int32Array(DESCRIPTOR_WORDS * ring.size);
    this.#reader = new ChainReader(
      memory,
      ring.slots,
      table,
      ring.size,
      true,
    );
    const taken = new Set<number>();
    let first = 0;
    for (const { entries } of lists) {
      const head = entries[0]!;
      this.#last[head] = entries.at(-1)!;
      this.#count[head] = entries.length;
      this.#left.push({ head, first, count: entries.length });
      for (const [i, entry] of entries.entries()) {
        this.#next[entry] = entries[i + 1] ?? size;
        taken.add(entry);
        this.#copyOut(entry, table, first++);
      }
    }
    this.#hideAnswers(first);
    this.#free = this.#relink(taken);
    this.#freeCount = size - taken.size;
    this.#counter = (lists.at(-1)?.counter ?? 0n) + 1n;
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

  #copyOut(entry: number, table: Int32Array, index: number): void {
    const { words } = this.#fields;
    const at = wordOf(entry);
    const pair = (word: number) => words[word]! | words[word + 1]! << 16;
    table[DESCRIPTOR_WORDS * index] = pair(at + ADDRESS);
    table[DESCRIPTOR_WORDS * index + 1] = pair(at + ADDRESS + 2);
    table[DESCRIPTOR_WORDS * index + 2] = pair(at + LENGTH_LOW);
    table[DESCRIPTOR_WORDS * index + 3] = pair(at + ID);
  }

  get left(): number {
    return this.#left.length;
  }

  takeAgain(): number {
    const { head, first, count } = this.#left.shift()!;
    const slot = this.#ring.popList(this.#reader, first, count);
    if (slot === NO_CHAIN) return slot;
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
    const { usedPosition, size } = this.#ring;
    let moved = (usedPosition & 0x7fff) - (this.#staged & 0x7fff);
    if (((usedPosition ^ this.#staged) & 0x8000) !== 0) moved += size;
    this.#staged = usedPosition;
    const order = this.#order;
    if (!order) {
      for (let i = 0; i < count; i++) this.#stage(this.#heads[slots[i]!]!);
      return;
    }
    // In order, what is staged is what was taken first.
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
