/**
 * The oracle of split rings (virtio 1.4 §2.7).
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
} from "./ring_oracle.ts";

/** A split ring. */
export class SplitOracle extends RingOracle {
  /** The next entry of the available ring, and how far the driver had come. */
  #next: number;
  #end: number;
  #used: number;

  constructor(setup: OracleSetup) {
    super(setup);
    this.#next = setup.base;
    this.#end = setup.base;
    this.#used = this.u16(setup.usedAddress + 2);
  }

  get base(): number {
    return this.#next;
  }

  pop(): OracleChain | undefined {
    const { size, availableAddress } = this.setup;
    if (!this.#isAvailable()) return undefined;
    const head = this.u16(availableAddress + 4 + 2 * (this.#next % size));
    // "A head outside the ring breaks it."
    if (head >= size) this.broken = true;
    if (this.broken) return undefined;
    this.#next = (this.#next + 1) % 0x1_0000;
    const chain = this.judge(head, 0, this.#follow(head));
    this.out.push(chain);
    return chain;
  }

  publish(): boolean {
    const { size, usedAddress, availableAddress, eventIndex } = this.setup;
    const usedEvent = this.u16(availableAddress + 4 + 2 * size);
    const completions = this.takeCompletions();
    let reached = false;
    for (const { chain, writtenBytes } of completions) {
      const entry = usedAddress + 4 + 8 * (this.#used % size);
      this.setU32(entry, chain.id);
      this.setU32(entry + 4, writtenBytes);
      // §2.7.7.2: the entry that was written is the one that is waited for.
      if (this.#used === usedEvent) reached = true;
      this.#used = (this.#used + 1) % 0x1_0000;
    }
    if (completions.length === 0) return false;
    this.setU16(usedAddress + 2, this.#used);
    return eventIndex ? reached : (this.u16(availableAddress) & 1) === 0;
  }

  enable(): boolean {
    const { size, usedAddress, eventIndex } = this.setup;
    if (this.broken) return false;
    // §2.7.10.2: with EVENT_IDX flags stay 0. avail_event is always current:
    // notification_test.ts, "avail_event is kept current without event index".
    if (!eventIndex) this.setU16(usedAddress, 0);
    this.setU16(usedAddress + 4 + 8 * size, this.#next);
    return this.#isAvailable();
  }

  disable(): void {
    if (!this.setup.eventIndex) this.setU16(this.setup.usedAddress, 1);
  }

  /** Looks at `idx` where all is popped that was there at the last look. */
  #isAvailable(): boolean {
    if (this.broken) return false;
    if (this.#next !== this.#end) return true;
    const index = this.u16(this.setup.availableAddress + 2);
    const added = (index - this.#next + 0x1_0000) % 0x1_0000;
    // §2.7: no more buffers than Queue Size; §2.7.6.1: idx never goes back.
    if (added > 0 && added + this.out.length > this.setup.size) {
      this.broken = true;
    } else this.#end = index;
    return !this.broken && added > 0;
  }

  /** §2.7.5: the descriptors of a chain; undefined where they make none. */
  #follow(head: number): Descriptor[] | undefined {
    const list: Descriptor[] = [];
    let table = this.setup.descriptorAddress;
    let entries = this.setup.size;
    let isIndirect = false;
    let seen: number[] = [];
    for (let index = head;;) {
      // §2.7.5.2: loops are forbidden.
      if (index >= entries || seen.includes(index)) return undefined;
      seen.push(index);
      const descriptor = this.descriptor(table + 16 * index, false);
      if ((descriptor.flags & INDIRECT) !== 0) {
        // §2.7.5.3.1: no table in a table, and NEXT does not go with it.
        if (isIndirect || (descriptor.flags & NEXT) !== 0) return undefined;
        const count = this.tableEntries(descriptor);
        if (count === undefined) return undefined;
        table = descriptor.address;
        entries = count;
        isIndirect = true;
        seen = [];
        index = 0;
        continue;
      }
      list.push(descriptor);
      if ((descriptor.flags & NEXT) === 0) return list;
      index = descriptor.other;
    }
  }
}
