/**
 * A driver's end of a machine's queue, one request at a time, with buffers
 * wherever the test wants them.
 *
 * @module
 */

import {
  RawPackedRing,
  RawSplitRing,
  writeRawDescriptor,
  writeRawPackedDescriptor,
} from "./raw_ring.ts";
import { ringBytes, ringOffsets } from "../driver/rings/layout.ts";
import { LOW_ADDRESS } from "./arena.ts";
import type { Machine } from "./machine.ts";

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const AVAILABLE = 1 << 7;
const USED = 1 << 15;

/** A buffer of a request. */
export interface Piece {
  readonly address: number;
  readonly lengthBytes: number;
  readonly writable: boolean;
}

/** What the device said about a request. */
export interface UsedEntry {
  readonly id: number;
  readonly lengthBytes: number;
}

/** Requests of one queue; descriptors that follow the rules of the standard. */
export class HandRing {
  readonly #machine: Machine;
  readonly #index: number;
  readonly #size: number;
  readonly #offset: number;
  readonly #split: RawSplitRing;
  readonly #packed: RawPackedRing;
  #next = 0;
  #wrap = 1;
  #available = 0;
  #used = 0;

  constructor(machine: Machine, index: number, size: number, offset: number) {
    machine.startQueue(index, size, offset);
    const { region } = machine.arena.low;
    this.#machine = machine;
    this.#index = index;
    this.#size = size;
    this.#offset = offset;
    this.#split = new RawSplitRing(region, offset, size);
    this.#packed = new RawPackedRing(region, offset, size);
  }

  /** Where the ring ends in the low region. */
  get endOffset(): number {
    return this.#offset + ringBytes(this.#size, this.#machine.packed);
  }

  /** Lets a snapshot's ring areas that the device writes be as they are now. */
  acceptRingWrites(snapshot: Uint8Array): void {
    const { packed, arena } = this.#machine;
    const offsets = ringOffsets(this.#size, packed);
    const base = LOW_ADDRESS + this.#offset;
    const start = packed ? offsets.descriptor : offsets.device;
    arena.accept(snapshot, base + start, offsets.lengthBytes - start);
  }

  /**
   * Sends the pieces, through an indirect table at `tableAddress` of the low
   * region if there is one, and serves the queue.
   */
  submit(
    pieces: readonly Piece[],
    tableAddress?: number,
  ): UsedEntry | undefined {
    return this.#machine.packed
      ? this.#submitPacked(pieces, tableAddress)
      : this.#submitSplit(pieces, tableAddress);
  }

  #submitSplit(
    pieces: readonly Piece[],
    tableAddress?: number,
  ): UsedEntry | undefined {
    const { low } = this.#machine.arena;
    pieces.forEach((piece, i) => {
      const descriptor = {
        address: BigInt(piece.address),
        lengthBytes: piece.lengthBytes,
        flags: (piece.writable ? WRITE : 0) |
          (i + 1 < pieces.length ? NEXT : 0),
        next: i + 1,
      };
      if (tableAddress === undefined) this.#split.descriptor(i, descriptor);
      else {
        const at = tableAddress - low.guestAddress + 16 * i;
        writeRawDescriptor(low.region, at, descriptor);
      }
    });
    if (tableAddress !== undefined) {
      this.#split.descriptor(0, {
        address: BigInt(tableAddress),
        lengthBytes: 16 * pieces.length,
        flags: INDIRECT,
      });
    }
    this.#split.availableEntry(this.#available % this.#size, 0);
    this.#available = (this.#available + 1) & 0xffff;
    this.#split.availableIndex(this.#available);
    this.#machine.kick(this.#index);
    if (this.#split.usedIndex === this.#used) return undefined;
    const entry = this.#split.usedEntry(this.#used % this.#size);
    this.#used = (this.#used + 1) & 0xffff;
    return entry;
  }

  #submitPacked(
    pieces: readonly Piece[],
    tableAddress?: number,
  ): UsedEntry | undefined {
    const { low } = this.#machine.arena;
    const start = this.#next;
    const startWrap = this.#wrap;
    const list = tableAddress === undefined
      ? pieces
      : [{ address: tableAddress, lengthBytes: 16 * pieces.length }];
    if (tableAddress !== undefined) {
      pieces.forEach((piece, i) =>
        writeRawPackedDescriptor(
          low.region,
          tableAddress - low.guestAddress + 16 * i,
          {
            address: BigInt(piece.address),
            lengthBytes: piece.lengthBytes,
            id: 0,
            flags: piece.writable ? WRITE : 0,
          },
        )
      );
    }
    list.forEach((piece, i) => {
      const kind = "writable" in piece
        ? ((piece as Piece).writable ? WRITE : 0)
        : INDIRECT;
      this.#packed.descriptor(this.#next, {
        address: BigInt(piece.address),
        lengthBytes: piece.lengthBytes,
        id: start,
        flags: kind | (i + 1 < list.length ? NEXT : 0) |
          (this.#wrap === 1 ? AVAILABLE : USED),
      });
      this.#advance();
    });
    this.#machine.kick(this.#index);
    const { id, lengthBytes, flags } = this.#packed.read(start);
    const used = (flags & USED) !== 0;
    const available = (flags & AVAILABLE) !== 0;
    return used === available && used === (startWrap === 1)
      ? { id, lengthBytes }
      : undefined;
  }

  #advance(): void {
    this.#next++;
    if (this.#next < this.#size) return;
    this.#next = 0;
    this.#wrap ^= 1;
  }
}
