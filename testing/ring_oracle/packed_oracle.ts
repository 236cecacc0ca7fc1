/**
 * The oracle of packed rings (virtio 1.4 §2.8).
 *
 * @module
 */

import {
  type Descriptor,
  INDIRECT,
  NEXT,
  type OracleChain,
  type OracleSetup,
  RingOracle,
  WRITE,
} from "./ring_oracle.ts";

const AVAILABLE = 1 << 7;
const USED = 1 << 15;

/** A place in a packed ring (§2.8.1). */
class Position {
  offset: number;
  wrap: number;

  constructor(base: number) {
    this.offset = base & 0x7fff;
    this.wrap = base >>> 15;
  }

  get bits(): number {
    return this.offset + (this.wrap << 15);
  }

  step(size: number): void {
    this.offset++;
    if (this.offset < size) return;
    this.offset = 0;
    this.wrap = 1 - this.wrap;
  }
}

/** A packed ring. */
export class PackedOracle extends RingOracle {
  readonly #next: Position;
  readonly #used: Position;

  constructor(setup: OracleSetup) {
    super(setup);
    this.#next = new Position(setup.base & 0xffff);
    this.#used = new Position(setup.base >>> 16);
  }

  get base(): number {
    return this.#next.bits + this.#used.bits * 0x1_0000;
  }

  pop(): OracleChain | undefined {
    const { size } = this.setup;
    if (this.broken || !this.#isAvailable()) return undefined;
    const list: Descriptor[] = [];
    const taken = this.out.reduce((sum, each) => sum + each.ringDescriptors, 0);
    do {
      // §2.8.17: a list has room before its first descriptor is available.
      this.broken = taken + list.length === size;
      if (this.broken) return undefined;
      list.push(this.#ring((this.#next.offset + list.length) % size));
    } while ((list.at(-1)!.flags & NEXT) !== 0);
    for (let i = 0; i < list.length; i++) this.#next.step(size);
    // §2.8.6: the last descriptor has the buffer ID.
    const id = list.at(-1)!.other;
    const chain = this.judge(id, list.length, this.#expand(list));
    this.out.push(chain);
    return chain;
  }

  publish(): boolean {
    const { size, descriptorAddress, availableAddress, eventIndex } =
      this.setup;
    const event = this.u16(availableAddress);
    const flags = this.u16(availableAddress + 2) & 3;
    const completions = this.takeCompletions();
    let reached = false;
    for (const { chain, writtenBytes } of completions) {
      const entry = descriptorAddress + 16 * this.#used.offset;
      this.setU32(entry + 8, writtenBytes);
      this.setU16(entry + 12, chain.id);
      const bits = this.#used.wrap === 1 ? AVAILABLE | USED : 0;
      this.setU16(entry + 14, bits | (writtenBytes > 0 ? WRITE : 0));
      for (let i = 0; i < chain.ringDescriptors; i++) {
        // §2.8.10: this very descriptor, with this wrap counter, is used.
        if (this.#used.bits === event) reached = true;
        this.#used.step(size);
      }
    }
    if (completions.length === 0 || flags === 1) return false;
    // notification_test.ts: without EVENT_IDX the wish for one is a wish for all,
    // and the reserved value loses no notification.
    return flags === 2 && eventIndex ? reached : true;
  }

  enable(): boolean {
    const { usedAddress, eventIndex } = this.setup;
    if (this.broken) return false;
    this.setU16(usedAddress, eventIndex ? this.#next.bits : 0);
    this.setU16(usedAddress + 2, eventIndex ? 2 : 0);
    return this.#isAvailable();
  }

  disable(): void {
    this.setU16(this.setup.usedAddress, 0);
    this.setU16(this.setup.usedAddress + 2, 1);
  }

  #ring(index: number): Descriptor {
    const address = this.setup.descriptorAddress + 16 * index;
    return this.descriptor(address, true);
  }

  #isAvailable(): boolean {
    const { flags } = this.#ring(this.#next.offset);
    const available = (flags & AVAILABLE) !== 0;
    const used = (flags & USED) !== 0;
    return available === (this.#next.wrap === 1) && used !== available;
  }

  /** §2.8.5: a list is of direct descriptors, or one that names a table. */
  #expand(list: Descriptor[]): Descriptor[] | undefined {
    if (list.every(({ flags }) => (flags & INDIRECT) === 0)) return list;
    const count = list.length === 1 ? this.tableEntries(list[0]!) : undefined;
    if (count === undefined) return undefined;
    // §2.8.7: they follow each other, and no flag counts but WRITE.
    return Array.from(
      { length: count },
      (_, i) => this.descriptor(list[0]!.address + 16 * i, true),
    );
  }
}
