/**
 * Memory that the library is given addresses of.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import type { Segments } from "../../memory/segments.ts";

/** What the library's wildest table wants. */
const ALIGNMENT_BYTES = 64;

/** Native address of a buffer's first byte; the buffer must stay referenced. */
function addressOf(bytes: Uint8Array<ArrayBuffer>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

/** Aligned memory that does not move. */
export class NativeBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly address: number;

  constructor(lengthBytes: number) {
    const rounded = roundUp(lengthBytes, ALIGNMENT_BYTES);
    const buffer = new ArrayBuffer(rounded + ALIGNMENT_BYTES);
    const base = addressOf(new Uint8Array(buffer));
    const start = roundUp(base, ALIGNMENT_BYTES) - base;
    this.address = base + start;
    this.bytes = new Uint8Array(buffer, start, rounded);
    this.words = new Uint32Array(buffer, start, rounded / 4);
  }

  wipe(): void {
    this.bytes.fill(0);
  }
}

/** `value` rounded up to a multiple of `unit`. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

const addresses = new WeakMap<Region, number>();

/** Native address of a region's first byte. */
function regionAddress(region: Region): number {
  if (region.address !== 0) return region.address;
  let address = addresses.get(region);
  if (address === undefined) {
    address = addressOf(region.bytes);
    addresses.set(region, address);
  }
  return address;
}

const ivAddresses = new WeakMap<Uint32Array, number>();

/** Native address of the IVs of a burst. */
export function ivsAddress(ivs: Uint32Array<ArrayBuffer>): number {
  let address = ivAddresses.get(ivs);
  if (address === undefined) {
    const { buffer, byteOffset, byteLength } = ivs;
    address = addressOf(new Uint8Array(buffer, byteOffset, byteLength));
    ivAddresses.set(ivs, address);
  }
  return address;
}

/** Native address of range `index`, whoever owns the memory. */
export function segmentAddress(segments: Segments, index: number): number {
  return regionAddress(segments.region(index)) + segments.offset(index);
}

/** Native addresses of the regions of a burst, two words each. */
export class RegionAddresses {
  #regions: readonly Region[] = [];
  #words = new Int32Array(0);

  of(regions: readonly Region[]): Int32Array<ArrayBuffer> {
    if (regions === this.#regions) return this.#words;
    this.#regions = regions;
    const words = new Uint32Array(2 * regions.length);
    regions.forEach((region, i) => {
      const address = regionAddress(region);
      words[2 * i] = address;
      words[2 * i + 1] = address / 2 ** 32;
    });
    return this.#words = new Int32Array(words.buffer);
  }
}

const LOWEST_CAPACITY_BYTES = 256 * 1024;
/** What is kept between bursts. */
const KEPT_CAPACITY_BYTES = 4 * 1024 * 1024;

/** Memory handed out from its start until it is used up. */
export class Bounce {
  block = new NativeBlock(LOWEST_CAPACITY_BYTES);
  #usedBytes = 0;

  /** Offset of `lengthBytes` aligned bytes, or -1 where they do not fit. */
  take(lengthBytes: number): number {
    const start = this.#usedBytes;
    if (start + lengthBytes > this.block.bytes.length) return -1;
    this.#usedBytes = roundUp(start + lengthBytes, ALIGNMENT_BYTES);
    return start;
  }

  /** Takes everything back and makes room for `lengthBytes`. */
  restart(lengthBytes: number): void {
    this.#usedBytes = 0;
    const now = this.block.bytes.length;
    let capacity = Math.min(now, KEPT_CAPACITY_BYTES);
    while (capacity < lengthBytes) capacity *= 2;
    if (capacity === now) return;
    this.block.wipe();
    this.block = new NativeBlock(capacity);
  }

  wipe(): void {
    this.block.wipe();
  }
}
