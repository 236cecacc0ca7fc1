/**
 * Requests whose buffers share bytes, compared with the same requests whose
 * buffers lie apart: a device reads all inputs before it writes any output, and
 * then writes the result from its start to its end and the status last.
 *
 * @module
 */

import { Status } from "../device/wire/status.ts";
import { LOW_ADDRESS } from "./arena.ts";
import type { HandRing, Piece, UsedEntry } from "./hand_ring.ts";
import type { Machine } from "./machine.ts";

/** Where in the low region the buffers that lie apart begin. */
const APART_AT = 64 * 1024;
/** Between those that lie apart, so that none is joined to the next. */
const GAP_BYTES = 8;
const UNTOUCHED = 0xa5;

/** What a driver sees of an answer. */
interface Answer {
  readonly used: UsedEntry;
  readonly status: number;
  /** The result's bytes, as many as the used length says. */
  readonly result: Uint8Array;
}

/** Sends requests on one ring and says what is wrong with their answers. */
export class OverlapComparison {
  readonly #machine: Machine;
  readonly #ring: HandRing;
  readonly #expected: Uint8Array;
  /** Requests that were compared, and those of them that succeeded. */
  compared = 0;
  succeeded = 0;

  constructor(machine: Machine, ring: HandRing) {
    this.#machine = machine;
    this.#ring = ring;
    this.#expected = machine.arena.snapshot();
  }

  /**
   * Puts `readable` into the device-readable pieces and sends what they hold
   * then: first from elsewhere, in pieces as long, and then from where it is.
   * Says how the second answer, or memory, differs from what the first demands.
   */
  findDifference(
    readable: Uint8Array,
    inPieces: readonly Piece[],
    outPieces: readonly Piece[],
  ): string | undefined {
    const { arena } = this.#machine;
    let at = 0;
    for (const { address, lengthBytes } of inPieces) {
      arena.write(address, readable.subarray(at, at += lengthBytes));
    }
    const apart = this.#askApart(inPieces, outPieces);
    if (typeof apart === "string") return apart;
    const expected = arena.snapshot(this.#expected);
    const used = this.#ring.submit([...inPieces, ...outPieces]);
    if (used?.lengthBytes !== apart.used.lengthBytes) {
      return `used length ${used?.lengthBytes}, apart ${apart.used.lengthBytes}`;
    }
    const status = arena.read(endOf(outPieces) - 1, 1)[0]!;
    if (status !== apart.status) {
      return `status ${status}, apart ${apart.status}`;
    }
    this.compared++;
    if (status === Status.Ok) this.succeeded++;
    this.#demand(expected, outPieces, apart);
    return arena.difference(expected);
  }

  #askApart(
    inPieces: readonly Piece[],
    outPieces: readonly Piece[],
  ): Answer | string {
    const { arena } = this.#machine;
    let next = LOW_ADDRESS + APART_AT;
    const place = (piece: Piece): Piece => {
      const address = next;
      next += Math.ceil((piece.lengthBytes + GAP_BYTES) / 8) * 8;
      return { ...piece, address };
    };
    const apartIn = inPieces.map((piece) => {
      const placed = place(piece);
      const bytes = arena.read(piece.address, piece.lengthBytes);
      arena.write(placed.address, bytes);
      return placed;
    });
    const apartOut = outPieces.map(place);
    for (const { address, lengthBytes } of apartOut) {
      arena.write(address, new Uint8Array(lengthBytes).fill(UNTOUCHED));
    }
    const used = this.#ring.submit([...apartIn, ...apartOut]);
    if (!used) return "a request was not answered";
    const out = apartOut.flatMap(({ address, lengthBytes }) => [
      ...arena.read(address, lengthBytes),
    ]);
    return {
      used,
      status: out.at(-1)!,
      result: Uint8Array.from(out.slice(0, used.lengthBytes - 1)),
    };
  }

  /** Brings `expected` to what memory has to be like after the answer. */
  #demand(
    expected: Uint8Array,
    outPieces: readonly Piece[],
    { status, result }: Answer,
  ): void {
    const { arena } = this.#machine;
    arena.accept(expected, LOW_ADDRESS, this.#ring.endOffset);
    let done = 0;
    for (const { address, lengthBytes } of outPieces) {
      // Without success nobody promises what the destination holds.
      if (status !== Status.Ok) arena.accept(expected, address, lengthBytes);
      const bytes = result.subarray(done, done + lengthBytes);
      arena.write(address, bytes, expected);
      done += bytes.length;
    }
    arena.write(endOf(outPieces) - 1, Uint8Array.of(status), expected);
  }
}

/** Where the last piece that is not empty ends. */
function endOf(pieces: readonly Piece[]): number {
  const last = pieces.findLast(({ lengthBytes }) => lengthBytes > 0)!;
  return last.address + last.lengthBytes;
}

/** A device-readable piece. */
export const readable = (address: number, lengthBytes: number): Piece => ({
  address,
  lengthBytes,
  writable: false,
});

/** A device-writable piece. */
export const writable = (address: number, lengthBytes: number): Piece => ({
  address,
  lengthBytes,
  writable: true,
});
