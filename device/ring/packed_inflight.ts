/**
 * The requests of a packed ring that are under way, in the standard's layout: with
 * copies of their descriptors, since the ring's are overwritten by answers.
 *
 * @module
 */

import {
  type InflightFields,
  inflightFields,
  type InflightPart,
} from "./inflight_part.ts";
import { DESCRIPTOR_USED } from "./layout.ts";
import {
  byteOf,
  entriesOf,
  type KeptList,
  longOf,
  PACKED_PART,
  readPackedLists,
  wordOf,
} from "./packed_inflight_part.ts";
import type { PackedVirtqueue } from "./packed_virtqueue.ts";
import {
  availableFlags,
  INDEX,
  RingPositions,
  STATE_FLAGS,
} from "./ring_positions.ts";
import { NO_CHAIN } from "./virtqueue.ts";

const {
  FREE_HEAD,
  OLD_FREE_HEAD,
  USED_INDEX,
  OLD_USED_INDEX,
  USED_WRAP,
  OLD_USED_WRAP,
  NEXT,
  LAST,
  COUNT,
  ID,
  FLAGS,
  LENGTH_LOW,
  ADDRESS,
  COUNTER,
} = PACKED_PART;
/** Of a position in the ring. */
const WRAP = 0x8000;
/** 16-bit words of a descriptor in the ring. */
const DESCRIPTOR_ID = 6;

/** Heads a list that had no room, beside those that a thread is stuck with. */
const UNWRITTEN = -1;

/** The part of a packed ring. */
export class PackedInflight implements InflightPart {
  readonly #ring: PackedVirtqueue;
  readonly #ringWords: Uint16Array<ArrayBuffer>;
  readonly #fields: InflightFields;
  readonly #size: number;
  readonly #positions: RingPositions;
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
    this.#positions = new RingPositions(ring.size, true);
    this.#next = new Int32Array(size);
    this.#last = new Int32Array(size);
    this.#count = new Int32Array(size);
    const left = readPackedLists(this.#fields, size, ring.size);
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
    const { words } = this.#fields;
    const ring = this.#ringWords;
    let position = this.#ring.usedPosition;
    for (const entry of lists.flatMap(({ entries }) => entries)) {
      const from = wordOf(entry);
      const to = 8 * (position & INDEX);
      for (let i = 0; i < 4; i++) ring[to + i] = words[from + ADDRESS + i]!;
      ring[to + 4] = words[from + LENGTH_LOW]!;
      ring[to + 5] = words[from + LENGTH_LOW + 1]!;
      ring[to + DESCRIPTOR_ID] = words[from + ID]!;
      const own = words[from + FLAGS]! & ~STATE_FLAGS;
      const flags = own | availableFlags(position);
      Atomics.store(ring, to + DESCRIPTOR_ID + 1, flags);
      position = this.#positions.after(position, 1);
    }
  }

  /**
   * Takes answers back that were written and not shown: behind the first of them
   * they would be, once there is another in its place. `count` descriptors of the
   * ring are under way.
   */
  #hideAnswers(count: number): void {
    const ring = this.#ringWords;
    let position = this.#ring.usedPosition;
    for (let i = 0; i < count; i++) {
      const at = 8 * (position & INDEX) + DESCRIPTOR_ID + 1;
      const flags = ring[at]!;
      const shown = (position & WRAP) !== 0 ? STATE_FLAGS : 0;
      const isShown = (flags & STATE_FLAGS) === shown;
      if (isShown) Atomics.store(ring, at, flags ^ DESCRIPTOR_USED);
      position = this.#positions.after(position, 1);
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
    let index = (base & INDEX) + size;
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
    let moved = (usedPosition & INDEX) - (before & INDEX);
    if (((usedPosition ^ before) & WRAP) !== 0) moved += this.#ring.size;
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
    Atomics.store(words, USED_INDEX, this.#staged & INDEX);
  }

  shown(): void {
    const { bytes, words } = this.#fields;
    for (const head of this.#batch) Atomics.store(bytes, byteOf(head), 0);
    this.#batch = [];
    words[OLD_FREE_HEAD] = this.#free;
    bytes[OLD_USED_WRAP] = this.#staged >>> 15;
    Atomics.store(words, OLD_USED_INDEX, this.#staged & INDEX);
  }
}
