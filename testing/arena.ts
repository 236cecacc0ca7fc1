/**
 * Guest memory with a fence around it: several regions, some side by side, cut
 * from one allocation whose other bytes nobody may write.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { addressOf } from "../ffi/libc.ts";
import { GuestMemory } from "../device/ring/guest_memory.ts";
import { Region } from "../memory/region.ts";

const FENCE_BYTES = 4096;
const FENCE = 0x5c;

/** A region of the arena. */
export interface ArenaRegion {
  readonly guestAddress: number;
  readonly region: Region;
}

/** Lengths of the regions of an arena. */
export interface ArenaLengths {
  /** The first region; rings and most buffers go here. */
  readonly lowBytes: number;
  /** The region right behind it, in guest addresses too. */
  readonly highBytes: number;
  /** A region at the end of the address space that numbers can name. */
  readonly farBytes: number;
}

const LENGTHS: ArenaLengths = {
  lowBytes: 128 * 1024,
  highBytes: 64 * 1024,
  farBytes: 16 * 1024,
};

/** Where the first region starts. */
export const LOW_ADDRESS = 0x10_0000;
/** Where the last region starts. */
export const FAR_ADDRESS = 2 ** 53 - 0x10_0000;

/** Fenced guest memory. */
export class Arena {
  readonly low: ArenaRegion;
  readonly high: ArenaRegion;
  readonly far: ArenaRegion;
  readonly regions: readonly ArenaRegion[];
  readonly memory = new GuestMemory();
  readonly #all: Uint8Array<ArrayBuffer>;
  #end = 0;

  /** `native`: regions have the address that backends hand to libraries. */
  constructor(native: boolean, lengths: ArenaLengths = LENGTHS) {
    const { lowBytes, highBytes, farBytes } = lengths;
    const total = 3 * FENCE_BYTES + lowBytes + highBytes + farBytes;
    this.#all = new Uint8Array(total).fill(FENCE);
    const base = native ? Number(addressOf(this.#all)) : 0;
    this.#end = FENCE_BYTES;
    this.low = this.#cut(base, LOW_ADDRESS, lowBytes);
    this.high = this.#cut(base, LOW_ADDRESS + lowBytes, highBytes);
    this.#end += FENCE_BYTES;
    this.far = this.#cut(base, FAR_ADDRESS, farBytes);
    this.regions = [this.low, this.high, this.far];
  }

  #cut(base: number, guestAddress: number, lengthBytes: number): ArenaRegion {
    const start = this.#end;
    this.#end += lengthBytes;
    const bytes = this.#all.subarray(start, this.#end);
    bytes.fill(0);
    const region = new Region(bytes, base === 0 ? 0 : base + start);
    const problem = this.memory.add({
      guestAddress,
      userAddress: guestAddress,
      lengthBytes,
      region,
    });
    if (problem !== undefined) throw new Error(problem);
    return { guestAddress, region };
  }

  /** The region and offset of a guest address, if it has any. */
  find(address: number): { region: Region; offset: number } | undefined {
    for (const { guestAddress, region } of this.regions) {
      const offset = address - guestAddress;
      if (offset >= 0 && offset < region.lengthBytes) return { region, offset };
    }
    return undefined;
  }

  /** A copy of all memory, fence included. */
  snapshot(into?: Uint8Array): Uint8Array {
    const copy = into ?? new Uint8Array(this.#all.length);
    copy.set(this.#all);
    return copy;
  }

  /** Lets `lengthBytes` bytes of a snapshot be as they are now. */
  accept(
    snapshot: Uint8Array,
    guestAddress: number,
    lengthBytes: number,
  ): void {
    let at = guestAddress;
    let left = lengthBytes;
    while (left > 0) {
      const place = this.find(at);
      if (!place) return;
      const { region, offset } = place;
      const taken = Math.min(left, region.lengthBytes - offset);
      const start = region.bytes.byteOffset + offset;
      snapshot.set(this.#all.subarray(start, start + taken), start);
      at += taken;
      left -= taken;
    }
  }

  /** The bytes from a guest address, all of which is memory. */
  read(guestAddress: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes;) {
      const start = this.#start(guestAddress + done);
      const taken = Math.min(start.leftBytes, lengthBytes - done);
      bytes.set(this.#all.subarray(start.at, start.at + taken), done);
      done += taken;
    }
    return bytes;
  }

  /** Puts `bytes` to a guest address, of memory itself or of a snapshot. */
  write(
    guestAddress: number,
    bytes: Uint8Array,
    into = this.#all as Uint8Array,
  ) {
    for (let done = 0; done < bytes.length;) {
      const { at, leftBytes } = this.#start(guestAddress + done);
      const part = bytes.subarray(done, done + leftBytes);
      into.set(part, at);
      done += part.length;
    }
  }

  /** Where a guest address is in the allocation, and how much follows it. */
  #start(address: number): { at: number; leftBytes: number } {
    const place = this.find(address);
    if (!place) throw new RangeError(`0x${address.toString(16)} is no memory`);
    const { region, offset } = place;
    return {
      at: region.bytes.byteOffset + offset,
      leftBytes: region.lengthBytes - offset,
    };
  }

  /** Where memory is not as in the snapshot, or `undefined`. */
  difference(snapshot: Uint8Array): string | undefined {
    if (equal(snapshot, this.#all)) return undefined;
    const at = snapshot.findIndex((byte, i) => byte !== this.#all[i]);
    for (const { guestAddress, region } of this.regions) {
      const offset = at - region.bytes.byteOffset;
      if (offset >= 0 && offset < region.lengthBytes) {
        return `guest address 0x${(guestAddress + offset).toString(16)}`;
      }
    }
    return `byte ${at} outside guest memory`;
  }

  /** What of the fence was overwritten, or `undefined`. */
  fenceDamage(): string | undefined {
    const expected = this.snapshot();
    let at = 0;
    for (const { region } of this.regions) {
      expected.fill(FENCE, at, region.bytes.byteOffset);
      at = region.bytes.byteOffset + region.lengthBytes;
    }
    expected.fill(FENCE, at);
    return this.difference(expected);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
