/**
 * Buffers of a well-formed chain, cut and scattered over an arena.
 *
 * @module
 */

import type { Random } from "../../conformance/random.ts";
import { FAR_ADDRESS, LOW_ADDRESS } from "../../testing/arena.ts";
import type { Piece } from "../../testing/hand_ring.ts";
import type { Machine } from "../../testing/machine.ts";

/** Bytes between buffers that nobody names. */
const GAP_BYTES = 8;

/** Cuts `totalBytes` into a few lengths, some of them 0. */
function cut(random: Random, totalBytes: number, most: number): number[] {
  const count = 1 + random.integer(Math.max(1, most));
  const places = Array.from(
    { length: count - 1 },
    () => random.integer(totalBytes + 1),
  ).sort((a, b) => a - b);
  return [...places, totalBytes].map((place, i) =>
    place - (places[i - 1] ?? 0)
  );
}

/** Places buffers one after the other, in a region or across a border. */
export class Scatter {
  readonly #random: Random;
  readonly #machine: Machine;
  #at: number;
  #far = FAR_ADDRESS;

  /** Buffers begin at `offset` of the low region or later. */
  constructor(random: Random, machine: Machine, offset: number) {
    this.#random = random;
    this.#machine = machine;
    const { lowBytes, shift } = this.#room(offset);
    this.#at = LOW_ADDRESS + offset + random.integer(lowBytes) + shift;
  }

  /** Now and then the buffers lie around the border to the high region. */
  #room(offset: number): { lowBytes: number; shift: number } {
    const { lengthBytes } = this.#machine.arena.low.region;
    return this.#random.oneIn(3)
      ? { lowBytes: 256, shift: lengthBytes - offset - 512 }
      : { lowBytes: 1024, shift: 0 };
  }

  /** A place of `lengthBytes` bytes. */
  place(lengthBytes: number): number {
    const { far } = this.#machine.arena;
    const farEnd = FAR_ADDRESS + far.region.lengthBytes;
    if (this.#random.oneIn(5) && this.#far + lengthBytes + GAP_BYTES < farEnd) {
      const address = this.#far;
      this.#far += lengthBytes + this.#random.integer(GAP_BYTES);
      return address;
    }
    const address = this.#at;
    this.#at += lengthBytes + this.#random.integer(GAP_BYTES);
    return address;
  }

  /** Puts `bytes` somewhere; returns the pieces. */
  write(bytes: Uint8Array, most: number): Piece[] {
    let done = 0;
    return cut(this.#random, bytes.length, most).map((lengthBytes) => {
      const address = this.place(lengthBytes);
      this.fill(address, bytes.subarray(done, done + lengthBytes));
      done += lengthBytes;
      return { address, lengthBytes, writable: false };
    });
  }

  /** Writable pieces of `totalBytes` bytes. */
  room(totalBytes: number, most: number): Piece[] {
    return cut(this.#random, totalBytes, most).map((lengthBytes) => ({
      address: this.place(lengthBytes),
      lengthBytes,
      writable: true,
    }));
  }

  /** Writes to guest memory, as far as there is any. */
  fill(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const place = this.#machine.arena.find(address + done);
      if (!place) return;
      const { region, offset } = place;
      const part = bytes.subarray(done, done + region.lengthBytes - offset);
      region.bytes.set(part, offset);
      done += part.length;
    }
  }
}

/** The bytes of pieces, one after the other. */
export function readPieces(
  machine: Machine,
  pieces: readonly Piece[],
): Uint8Array<ArrayBuffer> {
  const total = pieces.reduce((sum, piece) => sum + piece.lengthBytes, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { address, lengthBytes } of pieces) {
    for (let done = 0; done < lengthBytes;) {
      const place = machine.arena.find(address + done);
      if (!place) throw new RangeError("A piece is outside guest memory");
      const { region, offset } = place;
      const part = region.bytes.subarray(offset, offset + lengthBytes - done);
      bytes.set(part, at + done);
      done += part.length;
    }
    at += lengthBytes;
  }
  return bytes;
}
