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

import { RangeLists } from "../memory/range_lists.ts";
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

/** Requests by slot. */
export class RequestBurst {
  /** {@linkcode BURST_WORDS} words of each slot; another array when slots are added. */
  fields: Int32Array<ArrayBuffer>;
  /** {@linkcode IV_WORDS} words of each slot with its IV; another one likewise. */
  ivs: Uint32Array<ArrayBuffer>;
  /** The ranges: number of a region, offset in it, length. */
  readonly lists: RangeLists;
  /** The regions that ranges number. */
  regions: readonly Region[] = [];

  constructor(slots: number, lists: RangeLists = new RangeLists(slots)) {
    this.fields = new Int32Array(BURST_WORDS * slots);
    this.ivs = new Uint32Array(IV_WORDS * slots);
    this.lists = lists;
  }

  get slotCount(): number {
    return this.fields.length / BURST_WORDS;
  }

  /** Makes it `slots` slots, which are more than before. */
  addSlots(slots: number): void {
    const { fields, ivs } = this;
    this.fields = new Int32Array(BURST_WORDS * slots);
    this.fields.set(fields);
    this.ivs = new Uint32Array(IV_WORDS * slots);
    this.ivs.set(ivs);
  }

  /** Makes `into` a window on a list, good until the request is answered. */
  show(slot: number, list: BurstList, into: Segments): void {
    const { fields, lists } = this;
    const at = BURST_WORDS * slot + list;
    into.show(
      this.regions,
      lists.block,
      lists.starts[slot]! + fields[at + ListField.First]!,
      fields[at + ListField.SkippedBytes]!,
      fields[at + ListField.Count]!,
      fields[at + ListField.LastBytes]!,
      fields[at + ListField.TotalBytes]!,
    );
  }

  /** Makes a list the one that `from` is, which is a window on the slot's ranges. */
  set(slot: number, list: BurstList, from: Segments): void {
    const { fields, lists } = this;
    const at = BURST_WORDS * slot + list;
    fields[at + ListField.First] = from.count === 0
      ? 0
      : from.firstWord - lists.starts[slot]!;
    fields[at + ListField.SkippedBytes] = from.skippedBytes;
    fields[at + ListField.Count] = from.count;
    fields[at + ListField.LastBytes] = from.lastBytes;
    fields[at + ListField.TotalBytes] = from.totalBytes;
  }
}
