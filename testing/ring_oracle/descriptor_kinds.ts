/**
 * Every kind of descriptor that a small ring is tried with, and the memory that
 * they name.
 *
 * @module
 */

import type { Stretch } from "./twin_memory.ts";

/** The fields of a descriptor; `other` is `next` or, in a packed ring, `id`. */
export interface Fields {
  readonly address: bigint;
  readonly lengthBytes: number;
  readonly flags: number;
  readonly other: number;
}

export const NEXT = 1;
export const WRITE = 2;
export const INDIRECT = 4;

/** Buffers: 64 bytes on both sides of 4 GiB, and 32 of a region that adjoins. */
const BUFFERS = 0xffff_ffe0n;
const BORDER = BUFFERS + 64n;
const BUFFERS_END = BORDER + 32n;
/** Tables: 64 bytes on both sides of 1 GiB, and 64 that adjoin. */
const TABLES = 0x3fff_ffe0;
const TABLES_BYTES = 128;
const TABLES_BORDER = TABLES + 64;
const TABLES_END = TABLES + TABLES_BYTES;
const TOP = 0xffff_ffff_ffff_ffffn;
/** The highest region that a guest can have ends here. */
const HIGHEST_END = 2n ** 53n - 1n;

/** That memory; what adjoins in the guest is apart in the process. */
export const STRETCHES: readonly Stretch[] = [
  { guestAddress: Number(BORDER), lengthBytes: 32, shift: 3 },
  { guestAddress: Number(BUFFERS), lengthBytes: 64 },
  { guestAddress: TABLES_BORDER, lengthBytes: 64 },
  { guestAddress: TABLES, lengthBytes: 64 },
  { guestAddress: Number(HIGHEST_END - 32n), lengthBytes: 32 },
];

type Range = readonly [address: bigint, lengthBytes: number];

const toEnd = (address: bigint) => Number(BUFFERS_END - address);
const INSIDE = BUFFERS + 5n;

/** Ranges of buffers: every class of address with every class of length. */
export const RANGES: readonly Range[] = [
  [INSIDE, 0],
  [INSIDE, 1],
  [INSIDE, toEnd(INSIDE)],
  [INSIDE, toEnd(INSIDE) + 1],
  [INSIDE, 0xffff_ffff],
  [0xffff_ffffn, 1],
  [0xffff_ffffn, 2],
  [BORDER - 1n, 1],
  [BORDER - 1n, 2],
  [BORDER - 1n, toEnd(BORDER - 1n)],
  [BORDER - 1n, toEnd(BORDER - 1n) + 1],
  [BUFFERS_END - 1n, 0],
  [BUFFERS_END - 1n, 1],
  [BUFFERS_END - 1n, 2],
  [BUFFERS_END, 0],
  [BUFFERS_END, 1],
  [BUFFERS - 1n, 1],
  [BUFFERS - 1n, 2],
  [0x7_0000_0000n, 1],
  [0x7_0000_0000n, 0xffff_ffff],
  [INSIDE + 0x1_0000_0000n, 1],
  [HIGHEST_END - 1n, 1],
  [HIGHEST_END - 1n, 2],
  [2n ** 53n, 0],
  [2n ** 53n, 1],
  [2n ** 53n + INSIDE, 1],
  [2n ** 63n + INSIDE, 1],
  [TOP, 0],
  [TOP, 1],
  [TOP, 2],
  [TOP, 0xffff_ffff],
];

/** Where a table of two descriptors may be: aligned, across borders, odd. */
export const TABLE_PLACES: readonly number[] = [
  TABLES,
  TABLES + 4,
  TABLES + 16,
  TABLES + 24,
  TABLES + 33,
  TABLES_BORDER - 16,
  TABLES_BORDER - 6,
  TABLES_BORDER,
  TABLES_BORDER + 1,
  TABLES_BORDER + 18,
  TABLES_END - 32,
];

/** Ranges of tables, good and bad. */
const TABLE_RANGES: readonly Range[] = [
  ...TABLE_PLACES.map((place) => [BigInt(place), 32] as const),
  [BigInt(TABLES), 0],
  [BigInt(TABLES), 1],
  [BigInt(TABLES), 15],
  [BigInt(TABLES), 16],
  [BigInt(TABLES), 17],
  [BigInt(TABLES), 48],
  [BigInt(TABLES), TABLES_BYTES],
  [BigInt(TABLES), TABLES_BYTES + 16],
  [BigInt(TABLES), 0xffff_fff0],
  [BigInt(TABLES), 0xffff_ffff],
  [BigInt(TABLES - 1), 16],
  [BigInt(TABLES_END - 16), 16],
  [BigInt(TABLES_END - 16), 32],
  [BigInt(TABLES_END - 8), 16],
  [BigInt(TABLES_END), 16],
  [BUFFERS_END, 16],
  [0x7_0000_0000n, 16],
  [2n ** 53n, 16],
  [2n ** 53n + BigInt(TABLES), 16],
  [TOP, 16],
  [TOP - 15n, 16],
];

/** What `next` or `id` may be, where it counts: `next` of `entries`, or any ID. */
function others(flags: number, entries: number, packed: boolean): number[] {
  const counts = packed ? (flags & NEXT) === 0 : (flags & NEXT) !== 0;
  if (!counts || (flags & INDIRECT) !== 0) return [0xffff];
  return packed ? [0, 0xffff] : [...Array(entries + 1).keys(), 0xffff];
}

/** Every kind of descriptor for a ring or a table of `entries`. */
export function descriptorKinds(entries: number, packed: boolean): Fields[] {
  const kinds: Fields[] = [];
  for (const flags of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const ranges = (flags & INDIRECT) === 0 ? RANGES : TABLE_RANGES;
    for (const other of others(flags, entries, packed)) {
      for (const [address, lengthBytes] of ranges) {
        kinds.push({ address, lengthBytes, flags, other });
      }
    }
  }
  return kinds;
}

/** The 16 bytes of a descriptor; `added` are more flags. */
export function encode(
  fields: Fields,
  packed: boolean,
  added = 0,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, fields.address, true);
  view.setUint32(8, fields.lengthBytes, true);
  view.setUint16(packed ? 14 : 12, fields.flags | added, true);
  view.setUint16(packed ? 12 : 14, fields.other, true);
  return bytes;
}

/** Fields as a person reads them. */
export function describe({ address, lengthBytes, flags, other }: Fields) {
  const names = ["NEXT", "WRITE", "INDIRECT"].filter((_, i) => flags >> i & 1);
  return `0x${address.toString(16)}+${lengthBytes} ${names.join("|") || "0"} ` +
    `${other}`;
}
