/**
 * A packed ring's part of an in-flight region: its layout, and what another process
 * has left in it.
 *
 * @module
 */

import {
  beginInflight,
  INFLIGHT_LAYOUT,
  type InflightFields,
  inflightFields,
  inflightProblem,
  SIZE_WORD,
} from "./inflight_part.ts";
import { INDEX, isAvailableAt } from "./ring_positions.ts";

const { header: HEADER, entry: ENTRY } = INFLIGHT_LAYOUT.packed;

/** Where fields are: 16-bit words of the part or of an entry, unless said otherwise. */
export const PACKED_PART = {
  FREE_HEAD: 6,
  OLD_FREE_HEAD: 7,
  USED_INDEX: 8,
  OLD_USED_INDEX: 9,
  /** Bytes of the part. */
  USED_WRAP: 20,
  OLD_USED_WRAP: 21,
  /** From here on those of an entry. */
  NEXT: 1,
  LAST: 2,
  COUNT: 3,
  ID: 8,
  FLAGS: 9,
  LENGTH_LOW: 10,
  ADDRESS: 12,
  /** Its 64-bit word that is its counter. */
  COUNTER: 1,
} as const;
const {
  FREE_HEAD,
  OLD_FREE_HEAD,
  USED_INDEX,
  OLD_USED_INDEX,
  USED_WRAP,
  OLD_USED_WRAP,
  NEXT,
  COUNT,
  COUNTER,
} = PACKED_PART;

/** Where an entry is in the part, in bytes, … */
export const byteOf = (entry: number): number => HEADER + ENTRY * entry;
/** … in words of 16 bits, … */
export const wordOf = (entry: number): number => byteOf(entry) / 2;
/** … and in words of 64 bits. */
export const longOf = (entry: number): number => byteOf(entry) / 8;

/** A list under way: its entries, first to last. */
export interface KeptList {
  readonly entries: readonly number[];
  readonly counter: bigint;
}

/** Entries that a part says it has, and has room for. */
export const entriesOf = ({ bytes, words }: InflightFields): number =>
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
    const index = base >>> 16 & INDEX;
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
  if (hasMoved && !isAvailableAt(flagsAt(old), old | wrap << 15)) {
    // The batch was shown, and that not written down.
    words[OLD_FREE_HEAD] = words[FREE_HEAD]!;
    bytes[OLD_USED_WRAP] = bytes[USED_WRAP]!;
    Atomics.store(words, OLD_USED_INDEX, words[USED_INDEX]!);
  }
  words[FREE_HEAD] = words[OLD_FREE_HEAD]!;
  bytes[USED_WRAP] = bytes[OLD_USED_WRAP]!;
  Atomics.store(words, USED_INDEX, words[OLD_USED_INDEX]!);
  const lists = readPackedLists(fields, entriesOf(fields), size);
  if (typeof lists === "string") return lists;
  const used = words[USED_INDEX]! | (bytes[USED_WRAP]! & 1) << 15;
  return { base: (used | used << 16) >>> 0, count: lists.length };
}

/**
 * The lists under way in their order, of a part of `all` entries and a ring of `size`;
 * what is free is marked as that.
 */
export function readPackedLists(
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
