/**
 * The same guest memory twice: for the product and for the oracle. Each is one
 * buffer with its regions in it and other bytes between them, so that comparing
 * the buffers finds what was written beside a region, too.
 *
 * @module
 */

import { GuestMemory } from "../../device/ring/guest_memory.ts";
import { Region } from "../../memory/region.ts";
import type { OracleRegion } from "./ring_oracle.ts";

/** A region to be: `shift` puts it at an odd address of the process. */
export interface Stretch {
  readonly guestAddress: number;
  readonly lengthBytes: number;
  readonly shift?: number;
}

const GUARD_BYTES = 16;
const GUARD = 0xee;
const ALIGNMENT_BYTES = 64;

/** Two memories that a driver writes alike. */
export class TwinMemory {
  readonly product = new GuestMemory();
  readonly oracle: OracleRegion[] = [];
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #oracleBytes: Uint8Array<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #oracleWords: Int32Array;
  readonly #views: readonly DataView[];
  readonly #stretches: { start: number; of: Stretch }[] = [];
  /** Guest address of each region of the product's table. */
  readonly #addresses = new Map<Region, number>();

  constructor(stretches: readonly Stretch[]) {
    let end = 0;
    for (const of of stretches) {
      const start = aligned(end + GUARD_BYTES) + (of.shift ?? 0);
      this.#stretches.push({ start, of });
      end = start + of.lengthBytes;
    }
    const lengthBytes = aligned(end + GUARD_BYTES);
    this.#bytes = new Uint8Array(lengthBytes).fill(GUARD);
    this.#oracleBytes = new Uint8Array(lengthBytes).fill(GUARD);
    this.#words = new Int32Array(this.#bytes.buffer);
    this.#oracleWords = new Int32Array(this.#oracleBytes.buffer);
    this.#views = [this.#bytes, this.#oracleBytes].map(({ buffer }) =>
      new DataView(buffer)
    );
    for (
      const { start, of: { guestAddress, lengthBytes } } of this.#stretches
    ) {
      const part = this.#bytes.subarray(start, start + lengthBytes);
      part.fill(0);
      const bytes = this.#oracleBytes.subarray(start, start + lengthBytes);
      bytes.fill(0);
      this.oracle.push({ guestAddress, bytes });
      const problem = this.product.add({
        guestAddress,
        userAddress: 0,
        lengthBytes,
        region: new Region(part),
      });
      if (problem !== undefined) throw new Error(problem);
    }
    for (const region of this.product.table) {
      const { start, of } = this.#stretches.findLast(({ start }) =>
        start <= region.bytes.byteOffset
      )!;
      const offset = region.bytes.byteOffset - start;
      this.#addresses.set(region, of.guestAddress + offset);
    }
  }

  /** Where a region of the product's table starts; undefined for any other. */
  addressOf(region: Region): number | undefined {
    return this.#addresses.get(region);
  }

  /** Where in the buffers a guest address is. */
  place(address: number): number {
    const { start, of } = this.#stretchAt(address);
    return start + address - of.guestAddress;
  }

  #stretchAt(address: number) {
    return this.#stretches.find(({ of }) =>
      address >= of.guestAddress && address < of.guestAddress + of.lengthBytes
    )!;
  }

  setU16(place: number, value: number): void {
    for (const view of this.#views) view.setUint16(place, value, true);
  }

  set(place: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, place);
    this.#oracleBytes.set(bytes, place);
  }

  /** Writes bytes from a guest address on, whichever regions they lie in. */
  write(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const { start, of } = this.#stretchAt(address + done);
      const offset = address + done - of.guestAddress;
      const end = done + of.lengthBytes - offset;
      this.set(start + offset, bytes.subarray(done, end));
      done = end;
    }
  }

  /** A 16-bit field of both memories. */
  u16(place: number): [product: number, oracle: number] {
    const [product, oracle] = this.#views;
    return [product!.getUint16(place, true), oracle!.getUint16(place, true)];
  }

  /** The first place at which the memories differ, in words of the buffers. */
  difference(): string | undefined {
    const words = this.#words;
    const oracle = this.#oracleWords;
    for (let i = 0; i < words.length; i++) {
      if (words[i] === oracle[i]) continue;
      const hex = (word: number) => (word >>> 0).toString(16).padStart(8, "0");
      return `${this.#name(4 * i)}: ${hex(words[i]!)}, oracle ${
        hex(oracle[i]!)
      }`;
    }
    return undefined;
  }

  #name(place: number): string {
    const found = this.#stretches.find(({ start, of }) =>
      place + 3 >= start && place < start + of.lengthBytes
    );
    return found === undefined
      ? `between regions at ${place}`
      : `guest address 0x${
        (found.of.guestAddress + place - found.start).toString(16)
      }`;
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
