/**
 * The product's ring and the oracle's, each over a memory of its own, which do
 * the same and have to be of one mind.
 *
 * @module
 */

import {
  ChainFault,
  DescriptorChain,
  showChain,
} from "../../device/ring/chain.ts";
import { MOST_BYTES } from "../../device/ring/chain_slots.ts";
import { createVirtqueue } from "../../device/ring/create_virtqueue.ts";
import { MOST_CHAINS, type Virtqueue } from "../../device/ring/virtqueue.ts";
import { HOME_WORDS, RANGE_WORDS } from "../../memory/range_lists.ts";
import type { Segments } from "../../memory/segments.ts";
import { PackedOracle } from "./packed_oracle.ts";
import type { OracleChain, Piece, RingOracle } from "./ring_oracle.ts";
import { SplitOracle } from "./split_oracle.ts";
import { type Stretch, TwinMemory } from "./twin_memory.ts";

/** Guest address of the ring. */
const RING_ADDRESS = 0x1_2345_0000;
const FAULTS: Readonly<Record<OracleChain["fault"], ChainFault>> = {
  none: ChainFault.None,
  unmapped: ChainFault.Unmapped,
  malformed: ChainFault.Malformed,
};
/** What a service writes to results, and what as a status. */
const RESULT = Uint8Array.from({ length: 0x1_0000 }, (_, i) => i * 7 + 1);
const STATUS = 0x5a;

/** Product and oracle are not of one mind. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

/** How a ring was negotiated. */
export interface RingKind {
  readonly size: number;
  readonly packed: boolean;
  readonly eventIndex: boolean;
  readonly inOrder: boolean;
}

/** A buffer that both have popped. */
interface Popped {
  readonly slot: number;
  readonly chain: OracleChain;
}

/** What a slot had in it last. */
interface Shape {
  readonly lengths: readonly number[];
  readonly readableCount: number;
  readonly generation: number;
}

/** Two rings in step; what they do not agree about is thrown. */
export class RingPair {
  readonly kind: RingKind;
  readonly memory: TwinMemory;
  /** Where in the buffers the descriptor, driver and device areas are. */
  readonly descriptorPlace: number;
  readonly driverPlace: number;
  readonly devicePlace: number;
  /** Buffers that are popped and not yet pushed. */
  readonly out: Popped[] = [];
  /** Chains that were like the last one in their slot. */
  alikeCount = 0;
  #product!: Virtqueue;
  #oracle!: RingOracle;
  #shapes: (Shape | undefined)[] = [];
  #result = 0;
  readonly #chain = new DescriptorChain();
  readonly #addresses;

  /** `stretches` is the memory beside the ring's. */
  constructor(kind: RingKind, stretches: readonly Stretch[], base?: number) {
    const { size, packed } = kind;
    const driver = 16 * size;
    const device = driver + (packed ? 4 : Math.ceil((6 + 2 * size) / 4) * 4);
    const lengthBytes = device + (packed ? 4 : 6 + 8 * size);
    this.kind = kind;
    this.memory = new TwinMemory([
      { guestAddress: RING_ADDRESS, lengthBytes },
      ...stretches,
    ]);
    this.#addresses = {
      descriptorAddress: RING_ADDRESS,
      availableAddress: RING_ADDRESS + driver,
      usedAddress: RING_ADDRESS + device,
    };
    this.descriptorPlace = this.memory.place(RING_ADDRESS);
    this.driverPlace = this.descriptorPlace + driver;
    this.devicePlace = this.descriptorPlace + device;
    this.start(base ?? (packed ? 0x8000_8000 : 0));
  }

  /** Starts both rings anew at a base. */
  start(base: number): void {
    const { memory, kind } = this;
    this.out.length = 0;
    this.#shapes = [];
    const product = createVirtqueue({
      ...kind,
      ...this.#addresses,
      memory: memory.product,
      base,
    });
    if ("error" in product) throw new Error(product.error);
    this.#product = product;
    const setup = { ...kind, ...this.#addresses, regions: memory.oracle, base };
    this.#oracle = kind.packed
      ? new PackedOracle(setup)
      : new SplitOracle(setup);
  }

  /** The block of ranges before what was taken last. */
  #generation = 0;

  get base(): number {
    return this.#product.base;
  }

  get isBroken(): boolean {
    return this.#oracle.broken;
  }

  /** Pops all buffers that are there, at most `limit`, as bursts of the product. */
  popAll(limit: number): number {
    const slots = new Int32Array(MOST_CHAINS);
    let count = 0;
    let taken = -1;
    while (count < limit && taken !== 0) {
      const most = Math.min(limit - count, MOST_CHAINS);
      this.#generation = this.#product.slots.lists.generation;
      taken = this.#product.take(slots, most, MOST_BYTES);
      for (let i = 0; i < taken; i++) this.#popped(slots[i]!);
      count += taken;
    }
    if (count < limit) {
      same("one more buffer", false, this.#oracle.pop() !== undefined);
      same("broken", this.#product.broken !== undefined, this.#oracle.broken);
    }
    return count;
  }

  /** The oracle pops the buffer, too, that the product has in a slot. */
  #popped(slot: number): void {
    const chain = this.#oracle.pop();
    if (chain === undefined) {
      throw new Mismatch("a buffer is there: true, false");
    }
    showChain(this.#product, slot, this.#chain);
    for (const other of this.out) {
      if (other.slot === slot) {
        throw new Mismatch(`slot ${slot} is taken twice`);
      }
    }
    this.#compareChain(chain);
    this.#compareAlike(slot, chain.fault === "none");
    this.out.push({ slot, chain });
  }

  /**
   * Serves buffer `index` of those that are out: writes at most `resultBytes`
   * and a status, where the buffer has a place for them.
   */
  push(index: number, resultBytes: number): void {
    const [{ slot, chain }] = this.out.splice(index, 1) as [Popped];
    const mine = this.#chain;
    showChain(this.#product, slot, mine);
    this.#compareChain(chain);
    const { writable, statusRegion } = mine;
    const bytes = Math.min(resultBytes, writable.totalBytes);
    const result = RESULT.subarray(this.#result, this.#result + bytes);
    this.#result = (this.#result + 1) & 0xff;
    writable.write(0, result);
    let at = 0;
    for (const { address, lengthBytes } of chain.writable) {
      for (let i = 0; i < lengthBytes && at < bytes; i++) {
        this.#oracle.write(address + i, result[at++]!);
      }
    }
    let writtenBytes = bytes;
    if (chain.statusAddress !== undefined) {
      statusRegion!.bytes[mine.statusOffset] = STATUS;
      this.#oracle.write(chain.statusAddress, STATUS);
      writtenBytes++;
    }
    this.#product.push(slot, writtenBytes);
    this.#oracle.push(chain, writtenBytes);
  }

  /** Shows what is complete. */
  publish(): void {
    this.#compareUnpublished();
    const notified = this.#oracle.publish();
    same("notified", this.#product.publish(), notified);
    this.compareMemory();
  }

  enable(): void {
    const available = this.#oracle.enable();
    same("available", this.#product.enableNotifications(), available);
    this.compareMemory();
  }

  disable(): void {
    this.#oracle.disable();
    this.#product.disableNotifications();
    this.compareMemory();
  }

  compareMemory(): void {
    const difference = this.memory.difference();
    if (difference !== undefined) throw new Mismatch(difference);
    same("base", this.#product.base, this.#oracle.base);
  }

  /** What is not published cannot be seen where the driver looks. */
  #compareUnpublished(): void {
    const used = Math.floor(this.#oracle.base / 0x1_0000) & 0x7fff;
    const [product, oracle] = this.memory.u16(
      this.kind.packed
        ? this.descriptorPlace + 16 * used + 14
        : this.devicePlace + 2,
    );
    same("used index or flags before publish", product, oracle);
  }

  #compareChain(chain: OracleChain): void {
    const mine = this.#chain;
    same("head or buffer ID", mine.head, chain.id);
    same("fault", mine.fault, FAULTS[chain.fault]);
    if (this.kind.packed) {
      same("descriptors", mine.ringDescriptors, chain.ringDescriptors);
    }
    if (chain.fault !== "malformed") {
      same("descriptors", mine.descriptorCount, chain.descriptorCount);
    }
    this.#compareList("readable", mine.readable, chain.readable);
    this.#compareList("writable", mine.writable, chain.writable);
    const { statusRegion, statusOffset } = mine;
    const status = statusRegion === undefined
      ? undefined
      : this.memory.addressOf(statusRegion)! + statusOffset;
    same("status", status, chain.statusAddress);
  }

  #compareList(name: string, list: Segments, pieces: readonly Piece[]): void {
    const joined: number[] = [];
    let totalBytes = 0;
    for (let i = 0; i < list.count; i++) {
      const region = list.region(i);
      const start = this.memory.addressOf(region);
      const offset = list.offset(i);
      const lengthBytes = list.lengthBytes(i);
      if (
        start === undefined || offset < 0 || lengthBytes <= 0 ||
        offset + lengthBytes > region.lengthBytes
      ) throw new Mismatch(`${name} range ${i} is not of its region`);
      join(joined, start + offset, lengthBytes);
      totalBytes += lengthBytes;
    }
    const wanted: number[] = [];
    for (const piece of pieces) join(wanted, piece.address, piece.lengthBytes);
    if (!equal(joined, wanted)) {
      throw new Mismatch(`${name} ranges: ${joined}, oracle ${wanted}`);
    }
    same(`${name} bytes`, list.totalBytes, totalBytes);
  }

  /**
   * `alike` tells nothing but what holds. What holds it may leave untold of lists
   * that outgrow their home, and where the block of ranges was replaced.
   */
  #compareAlike(slot: number, isWhole: boolean): void {
    const { readable, writable, alike } = this.#chain;
    const { generation } = this.#product.slots.lists;
    const lengths: number[] = [];
    for (const list of [readable, writable]) {
      for (let i = 0; i < list.count; i++) lengths.push(list.lengthBytes(i));
    }
    const before = this.#shapes[slot];
    const holds = isWhole && before !== undefined &&
      before.readableCount === readable.count &&
      equal(before.lengths, lengths);
    if (alike) this.alikeCount++;
    const mayBeUntold = RANGE_WORDS * lengths.length > HOME_WORDS ||
      before?.generation !== generation;
    if (alike !== holds && (alike || !mayBeUntold)) {
      throw new Mismatch(`alike is ${alike}`);
    }
    this.#shapes[slot] = isWhole
      ? {
        lengths,
        readableCount: readable.count,
        generation: this.#generation,
      }
      : undefined;
  }
}

/** Adds a range to a list of them, as a part of the last where it goes on. */
function join(ranges: number[], address: number, lengthBytes: number): void {
  const last = ranges.length - 1;
  if (last > 0 && ranges[last - 1]! + ranges[last]! === address) {
    ranges[last]! += lengthBytes;
  } else if (lengthBytes > 0) ranges.push(address, lengthBytes);
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function same<T>(what: string, product: T, oracle: T): void {
  if (product === oracle) return;
  throw new Mismatch(`${what}: ${product}, oracle ${oracle}`);
}
