/**
 * Regions in which every byte that nobody may write is remembered, and lists of
 * scattered pieces of them.
 *
 * @module
 */

import { Region } from "../memory/region.ts";
import type { Segments } from "../memory/segments.ts";
import type { Random } from "./random.ts";

/** How a string of bytes is cut: not, at random places, or at each byte. */
export type Pieces = "whole" | "random" | "single-bytes";

/** Makes a region of bytes; a test of native backends gives it an address. */
export type RegionMaker = (bytes: Uint8Array<ArrayBuffer>) => Region;

/** Cuts `totalBytes` into the lengths of pieces, some of them 0. */
export function cut(
  random: Random,
  totalBytes: number,
  pieces: Pieces,
): number[] {
  if (pieces === "whole") return [totalBytes];
  if (pieces === "single-bytes") return new Array(totalBytes).fill(1);
  const places = [0, totalBytes];
  for (let i = 1 + random.integer(6); i > 0; i--) {
    places.push(random.integer(totalBytes + 1));
  }
  places.sort((a, b) => a - b);
  return places.slice(1).map((place, i) => place - places[i]!);
}

interface Piece {
  readonly region: Region;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The regions of one operation. */
export class GuardedMemory {
  readonly #random: Random;
  readonly #makeRegion: RegionMaker;
  readonly #regions: Region[] = [];
  #snapshots: Uint8Array[] = [];
  readonly #writable: Segments[] = [];

  constructor(random: Random, makeRegion: RegionMaker) {
    this.#random = random;
    this.#makeRegion = makeRegion;
  }

  /** A region of random bytes at a random alignment. */
  region(lengthBytes: number): Region {
    const shift = this.#random.integer(16);
    const bytes = this.#random.bytes(lengthBytes + shift);
    const region = this.#makeRegion(bytes.subarray(shift));
    this.#regions.push(region);
    return region;
  }

  /** Fills `list` with pieces that lie apart, in no particular order. */
  scatter(list: Segments, totalBytes: number, pieces: Pieces): void {
    const placed = this.#place(cut(this.#random, totalBytes, pieces));
    for (const { region, offset, lengthBytes } of placed) {
      list.append(region, offset, lengthBytes);
    }
  }

  #place(lengths: readonly number[]): Piece[] {
    const ends = lengths.length > 1 && this.#random.oneIn(2) ? [0, 0] : [0];
    const order = this.#random.shuffle(lengths.map((_, i) => i));
    const spots = order.map((index) => {
      const where = this.#random.integer(ends.length);
      const offset = ends[where]! + 1 + this.#random.integer(9);
      ends[where] = offset + lengths[index]!;
      return { index, where, offset };
    });
    const regions = ends.map((end) => this.region(end + 16));
    return spots.sort((a, b) => a.index - b.index).map((spot) => ({
      region: regions[spot.where]!,
      offset: spot.offset,
      lengthBytes: lengths[spot.index]!,
    }));
  }

  /** Lets the bytes of `list` change from now on. */
  allowWrites(list: Segments): void {
    this.#writable.push(list);
  }

  /** Remembers all bytes as they are; call it before the operation runs. */
  protect(): void {
    this.#snapshots = this.#regions.map((region) => region.bytes.slice());
  }

  /** Where a byte changed that may not, or `undefined`. */
  findDamage(): string | undefined {
    for (const [number, region] of this.#regions.entries()) {
      this.#copyWritable(region, this.#snapshots[number]!);
    }
    return this.findChange();
  }

  /** Where any byte is not as it was, or `undefined`. */
  findChange(): string | undefined {
    for (const [number, region] of this.#regions.entries()) {
      const expected = this.#snapshots[number]!;
      for (let i = 0; i < expected.length; i++) {
        if (expected[i] !== region.bytes[i]) {
          return `byte ${i} of a region of ${expected.length} bytes`;
        }
      }
    }
    return undefined;
  }

  #copyWritable(region: Region, into: Uint8Array): void {
    for (const list of this.#writable) {
      for (let i = 0; i < list.count; i++) {
        if (list.region(i) === region) into.set(list.view(i), list.offset(i));
      }
    }
  }
}
