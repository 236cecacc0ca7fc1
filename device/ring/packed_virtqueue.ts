/**
 * Packed virtqueues, the device's side (virtio 1.4 §2.8).
 *
 * @module
 */

import type { DescriptorChain } from "./chain.ts";
import { ChainBuilder } from "./chain_builder.ts";
import { packedEventAt, wantsPackedEvent } from "./events.ts";
import { InOrderGate } from "./in_order.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_USED,
  DESCRIPTOR_WORDS,
  DESCRIPTOR_WRITE,
  EVENT_DISABLE,
} from "./layout.ts";
import { doubleWords, fields, words } from "./ring_area.ts";
import type { RingSetup, Virtqueue } from "./virtqueue.ts";

/** A packed virtqueue. */
export class PackedVirtqueue implements Virtqueue {
  readonly size: number;
  broken: string | undefined;
  readonly #descriptors: DataView;
  /** The ring as 16-bit fields; a descriptor's flags are its eighth. */
  readonly #words: Uint16Array<ArrayBuffer>;
  readonly #driverEvent: Uint32Array<ArrayBuffer>;
  readonly #deviceEvent: Uint32Array<ArrayBuffer>;
  readonly #eventIndex: boolean;
  readonly #gate: InOrderGate | undefined;
  readonly #builder: ChainBuilder;
  #next: number;
  #nextWrap: number;
  #used: number;
  #usedWrap: number;
  /** Descriptors popped and not yet published. */
  #outstanding = 0;
  /** Descriptors staged; the first used entry's flags wait for `publish`. */
  #staged = 0;
  #firstStaged = 0;
  #firstFlags = 0;
  #order = 0;

  constructor(setup: RingSetup) {
    this.size = setup.size;
    this.#eventIndex = setup.eventIndex;
    this.#gate = setup.inOrder ? new InOrderGate(setup.size) : undefined;
    this.#builder = new ChainBuilder(setup.memory);
    this.#descriptors = fields(setup.descriptor);
    this.#words = words(setup.descriptor);
    this.#driverEvent = doubleWords(setup.driver, 0);
    this.#deviceEvent = doubleWords(setup.device, 0);
    this.#next = setup.base & 0x7fff;
    this.#nextWrap = setup.base >>> 15 & 1;
    this.#used = setup.base >>> 16 & 0x7fff;
    this.#usedWrap = setup.base >>> 31;
  }

  get base(): number {
    const available = this.#next | this.#nextWrap << 15;
    const used = this.#used | this.#usedWrap << 15;
    return (available | used << 16) >>> 0;
  }

  pop(chain: DescriptorChain): boolean {
    if (this.broken !== undefined || !this.#isAvailable()) return false;
    this.#builder.begin(chain);
    const intact = this.#walk(chain);
    if (this.broken !== undefined) {
      this.#builder.reject();
      return false;
    }
    if (intact) this.#builder.finish();
    else this.#builder.reject();
    chain.order = this.#order;
    this.#order = this.#order + 1 === this.size ? 0 : this.#order + 1;
    this.#outstanding += chain.ringDescriptors;
    this.#next += chain.ringDescriptors;
    if (this.#next >= this.size) {
      this.#next -= this.size;
      this.#nextWrap ^= 1;
    }
    return true;
  }

  push(chain: DescriptorChain, writtenBytes: number): void {
    const gate = this.#gate;
    if (!gate) {
      this.#stage(chain.head, chain.ringDescriptors, writtenBytes);
      return;
    }
    gate.hold(chain, writtenBytes);
    while (gate.ready) {
      this.#stage(gate.head, gate.ringDescriptors, gate.writtenBytes);
      gate.advance();
    }
  }

  publish(): boolean {
    const moved = this.#staged;
    if (moved === 0) return false;
    this.#staged = 0;
    this.#outstanding -= moved;
    Atomics.store(this.#words, this.#firstStaged * 8 + 7, this.#firstFlags);
    // The sequentially consistent store keeps this load behind it.
    return wantsPackedEvent(
      Atomics.load(this.#driverEvent, 0),
      this.#eventIndex,
      this.#used,
      this.#usedWrap,
      moved,
      this.size,
    );
  }

  enableNotifications(): boolean {
    if (this.broken !== undefined) return false;
    const position = this.#next | this.#nextWrap << 15;
    Atomics.store(
      this.#deviceEvent,
      0,
      packedEventAt(position, this.#eventIndex),
    );
    return this.#isAvailable();
  }

  disableNotifications(): void {
    Atomics.store(this.#deviceEvent, 0, EVENT_DISABLE << 16);
  }

  #isAvailable(): boolean {
    const flags = Atomics.load(this.#words, this.#next * 8 + 7);
    const available = (flags & DESCRIPTOR_AVAILABLE) !== 0 ? 1 : 0;
    const used = (flags & DESCRIPTOR_USED) !== 0 ? 1 : 0;
    return available === this.#nextWrap && used !== this.#nextWrap;
  }

  /**
   * Writes a used descriptor. The driver looks only at the one that it expects
   * next, so holding back the first hides all.
   */
  #stage(id: number, ringDescriptors: number, writtenBytes: number): void {
    const at = this.#used * 16;
    const flags = (writtenBytes > 0 ? DESCRIPTOR_WRITE : 0) |
      (this.#usedWrap === 1 ? DESCRIPTOR_AVAILABLE | DESCRIPTOR_USED : 0);
    this.#descriptors.setUint32(at + 8, writtenBytes, true);
    this.#descriptors.setUint16(at + 12, id, true);
    if (this.#staged === 0) {
      this.#firstStaged = this.#used;
      this.#firstFlags = flags;
    } else this.#descriptors.setUint16(at + 14, flags, true);
    this.#staged += ringDescriptors;
    this.#used += ringDescriptors;
    if (this.#used >= this.size) {
      this.#used -= this.size;
      this.#usedWrap ^= 1;
    }
  }

  /**
   * Follows a list to its end, which holds the buffer ID, even when it is
   * malformed; false then. A list without an end breaks the ring.
   */
  #walk(chain: DescriptorChain): boolean {
    const view = this.#descriptors;
    const room = this.size - this.#outstanding;
    let intact = true;
    let index = this.#next;
    for (;;) {
      if (chain.ringDescriptors === room) {
        this.broken = `a list of more than ${room} descriptors, which is ` +
          `all that are free in a ring of ${this.size}`;
        return false;
      }
      chain.ringDescriptors++;
      const at = index * 16;
      const low = view.getUint32(at, true);
      const high = view.getUint32(at + 4, true);
      const lengthBytes = view.getUint32(at + 8, true);
      const idAndFlags = view.getUint32(at + 12, true);
      const flags = idAndFlags >>> 16;
      if (intact) intact = this.#take(chain, low, high, lengthBytes, flags);
      if ((flags & DESCRIPTOR_NEXT) === 0) {
        chain.head = idAndFlags & 0xffff;
        return intact;
      }
      index = index + 1 === this.size ? 0 : index + 1;
    }
  }

  #take(
    chain: DescriptorChain,
    low: number,
    high: number,
    lengthBytes: number,
    flags: number,
  ): boolean {
    if ((flags & DESCRIPTOR_INDIRECT) === 0) {
      const writable = (flags & DESCRIPTOR_WRITE) !== 0;
      chain.descriptorCount++;
      return this.#builder.append(low, high, lengthBytes, writable);
    }
    // §2.8.5: a list has direct descriptors or is one indirect descriptor.
    if (chain.ringDescriptors > 1 || (flags & DESCRIPTOR_NEXT) !== 0) {
      return false;
    }
    return this.#builder.openTable(low, high, lengthBytes) &&
      this.#takeTable(chain);
  }

  /** §2.8.7: in a table, descriptors follow each other and only WRITE counts. */
  #takeTable(chain: DescriptorChain): boolean {
    const builder = this.#builder;
    const words = builder.tableWords;
    chain.descriptorCount = builder.tableCount;
    let at = builder.tableWord;
    for (let i = 0; i < builder.tableCount; i++, at += DESCRIPTOR_WORDS) {
      const writable = (words[at + 3]! >>> 16 & DESCRIPTOR_WRITE) !== 0;
      if (
        !builder.append(words[at]!, words[at + 1]!, words[at + 2]!, writable)
      ) return false;
    }
    return true;
  }
}
