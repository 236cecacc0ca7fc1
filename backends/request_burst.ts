/**
 * The requests of one data queue as numbers, so that a request costs no object:
 * what a backend that runs bursts is given.
 *
 * A request is in a slot from when it is taken to when it is answered. Its bytes
 * are ranges of guest memory, `burst.lists` has those of each slot, and its four
 * lists are windows on them: the source, associated data, destination and digest
 * of {@linkcode Operation}, whose rules hold for them.
 *
 * @module
 */

import {
  RANGE_LENGTH,
  RANGE_OFFSET,
  RANGE_WORDS,
  RangeLists,
} from "../memory/range_lists.ts";
import type { Region } from "../memory/region.ts";
import type { Segments } from "../memory/segments.ts";

/** Words of a slot in `fields`. */
export const BURST_WORDS = 32;

/** Words of a slot in `ivs`. */
export const IV_WORDS = 4;

/** Where in a slot's words what is; lists take five words, see {@linkcode ListField}. */
export const enum BurstField {
  /** {@linkcode OperationKind} */
  Kind = 0,
  /** Number of the session, as `openSession` was given it. */
  Session = 1,
  /** {@linkcode OperationStatus}; set by the backend. */
  Status = 2,
  /** As {@linkcode Operation.writtenBytes}; set by the backend. */
  WrittenBytes = 3,
  IvBytes = 4,
  Source = 5,
  Destination = 10,
  Digest = 15,
  AdditionalData = 20,
  CipherStart = 25,
  CipherBytes = 26,
  HashStart = 27,
  HashBytes = 28,
  /**
   * A number, not 0, that with the next word no other request of the thread has
   * unless it is the same but for the session, the IV, the status and where its
   * ranges are in memory.
   */
  Shape = 29,
  /** How often the numbers have begun anew: a guest has hours to count them. */
  ShapeRound = 30,
}

/** The four lists of a request. */
export type BurstList =
  | BurstField.Source
  | BurstField.Destination
  | BurstField.Digest
  | BurstField.AdditionalData;

/** The words of a list, from its {@linkcode BurstField} on. */
export const enum ListField {
  /** First range: a word of the block, counted from the slot's start. */
  First = 0,
  /** Bytes of the first range that come before the list. */
  SkippedBytes = 1,
  /** Ranges; 0 where the list is empty. */
  Count = 2,
  /** Bytes of the last range that belong to the list. */
  LastBytes = 3,
  TotalBytes = 4,
}

// The engine folds constants of a module of its own only.
const WORDS = BURST_WORDS;
const FIRST = ListField.First;
const SKIPPED = ListField.SkippedBytes;
const COUNT = ListField.Count;
const LAST = ListField.LastBytes;
const TOTAL = ListField.TotalBytes;

/** Numbers of shapes so far, which are those of all bursts of a thread. */
let shapes = 0;
let rounds = 0;
const MOST_SHAPES = 2 ** 31 - 1;

/** Requests by slot. */
export class RequestBurst {
  /** {@linkcode BURST_WORDS} words of each slot; others when slots are added. */
  fields: Int32Array<ArrayBuffer>;
  /** {@linkcode IV_WORDS} words of each slot with its IV; others likewise. */
  ivs: Uint32Array<ArrayBuffer>;
  /** The ranges: number of a region, offset in it, length. */
  readonly lists: RangeLists;
  /** The regions that ranges number. */
  regions: readonly Region[] = [];
  readonly #ownsLists: boolean;

  /** `lists`: those of a ring, where its chains are the requests' ranges. */
  constructor(slots: number, lists?: RangeLists) {
    this.fields = new Int32Array(WORDS * slots);
    this.ivs = new Uint32Array(IV_WORDS * slots);
    this.lists = lists ?? new RangeLists(slots);
    this.#ownsLists = lists === undefined;
  }

  /** Slots that there are; they only become more. */
  get slotCount(): number {
    return this.fields.length / WORDS;
  }

  /** The same requests with other lists: for those whose memory is no ring's. */
  withOwnLists(): RequestBurst {
    const burst = new RequestBurst(this.slotCount);
    burst.share(this);
    return burst;
  }

  /** Takes the numbers of `other` for its own; it has lists of its own. */
  share({ fields, ivs }: RequestBurst): void {
    const before = this.slotCount;
    this.fields = fields;
    this.ivs = ivs;
    if (this.slotCount > before) this.lists.addSlots(this.slotCount);
  }

  /** Gives a region the number of a slot. */
  setRegion(slot: number, region: Region): void {
    if (this.regions[slot] === region) return;
    const regions = Array.from(
      { length: Math.max(this.regions.length, slot + 1) },
      (_, i) => this.regions[i] ?? region,
    );
    regions[slot] = region;
    this.regions = regions;
  }

  /** Makes it `slots` slots, which are more than before. */
  addSlots(slots: number): void {
    const { fields, ivs } = this;
    this.fields = new Int32Array(WORDS * slots);
    this.fields.set(fields);
    this.ivs = new Uint32Array(IV_WORDS * slots);
    this.ivs.set(ivs);
    if (this.#ownsLists) this.lists.addSlots(slots);
  }

  /** Makes a slot one whose request is yet to be filled in: all is 0. */
  clear(slot: number): void {
    const at = WORDS * slot;
    const { fields } = this;
    // A call of fill costs more than so few words.
    for (let i = at; i < at + WORDS; i++) fields[i] = 0;
    if (shapes === MOST_SHAPES) {
      shapes = 0;
      rounds++;
    }
    shapes++;
    fields[at + BurstField.Shape] = shapes;
    fields[at + BurstField.ShapeRound] = rounds;
    if (this.#ownsLists) this.empty(slot);
  }

  /** Gives back the ranges of a slot, which are no ring's. */
  empty(slot: number): void {
    this.lists.release(slot);
    this.lists.close(slot, this.lists.starts[slot]!);
  }

  /** Makes `into` a window on a list, good until the request is answered. */
  show(slot: number, list: BurstList, into: Segments): void {
    const { fields, lists } = this;
    const at = WORDS * slot + list;
    into.show(
      this.regions,
      lists.block,
      lists.starts[slot]! + fields[at + FIRST]!,
      fields[at + SKIPPED]!,
      fields[at + COUNT]!,
      fields[at + LAST]!,
      fields[at + TOTAL]!,
    );
  }

  /** Makes a list the one that `from` is, a window on the slot's own ranges. */
  adopt(slot: number, list: BurstList, from: Segments): void {
    const { fields, lists } = this;
    if (from.count === 0) return;
    const at = WORDS * slot + list;
    fields[at + FIRST] = from.firstWord - lists.starts[slot]!;
    fields[at + SKIPPED] = from.skippedBytes;
    fields[at + COUNT] = from.count;
    fields[at + LAST] = from.lastBytes;
    fields[at + TOTAL] = from.totalBytes;
  }

  /**
   * Appends a range to a list, that which was appended to last or an empty one;
   * for lists that are no ring's.
   */
  append(
    slot: number,
    list: BurstList,
    region: number,
    offset: number,
    lengthBytes: number,
  ): void {
    const { fields, lists } = this;
    let end = lists.ends[slot]!;
    if (end === lists.roomEnd(slot)) end = lists.makeRoom(slot, end);
    const at = WORDS * slot + list;
    if (fields[at + COUNT] === 0) {
      fields[at + FIRST] = end - lists.starts[slot]!;
    }
    lists.block[end] = region;
    lists.block[end + RANGE_OFFSET] = offset;
    lists.block[end + RANGE_LENGTH] = lengthBytes;
    lists.close(slot, end + RANGE_WORDS);
    fields[at + COUNT]!++;
    fields[at + LAST] = lengthBytes;
    fields[at + TOTAL]! += lengthBytes;
  }

  /** Makes an empty list what `from` is, wherever that lies. */
  copy(slot: number, list: BurstList, from: Segments): void {
    for (let i = 0; i < from.count; i++) {
      this.append(
        slot,
        list,
        this.#numberOf(from.region(i)),
        from.offset(i),
        from.lengthBytes(i),
      );
    }
  }

  #numberOf(region: Region): number {
    const known = this.regions.indexOf(region);
    if (known >= 0) return known;
    this.regions = [...this.regions, region];
    return this.regions.length - 1;
  }
}
