/**
 * Packed virtqueues, the device's side (virtio 1.4 §2.8).
 *
 * What is read and written plainly here lies between an Atomics load and an
 * Atomics store of a descriptor's flags ("Memory order" in docs/architecture.md).
 *
 * @module
 */

import { MOST_USED, type UsedJournal } from "./used_journal.ts";
import type { Region } from "../../memory/region.ts";
import { ChainReader } from "./chain_reader.ts";
import { ChainSlots } from "./chain_slots.ts";
import { packedEventAt, wantsPackedEvent } from "./events.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { InOrderGate } from "./in_order.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_USED,
  DESCRIPTOR_WRITE,
  EVENT_DISABLE,
} from "./layout.ts";
import { doubleWords, words } from "./ring_area.ts";
import { NO_CHAIN, type RingSetup, type Virtqueue } from "./virtqueue.ts";

// The engine folds constants of a module of its own only.
const AVAILABLE = DESCRIPTOR_AVAILABLE;
const USED = DESCRIPTOR_USED;
const WRITE = DESCRIPTOR_WRITE;

/** A packed virtqueue. */
export class PackedVirtqueue implements Virtqueue {
  readonly size: number;
  readonly isPacked = true;
  readonly slots = new ChainSlots();
  broken: string | undefined;
  /** The ring as 32-bit and as 16-bit fields; flags are a descriptor's eighth. */
  readonly #descriptors: Int32Array<ArrayBuffer>;
  readonly #words: Uint16Array<ArrayBuffer>;
  readonly #driverEvent: Int32Array<ArrayBuffer>;
  readonly #deviceEvent: Int32Array<ArrayBuffer>;
  readonly #eventIndex: boolean;
  readonly #gate: InOrderGate | undefined;
  readonly #memory: GuestMemory;
  readonly #reader: ChainReader;
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
  readonly #journal: UsedJournal | undefined;
  /** Descriptors shown since the driver was last asked. */
  #shown = 0;

  constructor(setup: RingSetup) {
    const { size, memory } = setup;
    this.size = size;
    this.#memory = memory;
    this.#eventIndex = setup.eventIndex;
    this.#gate = setup.inOrder ? new InOrderGate(size) : undefined;
    this.#descriptors = doubleWords(setup.descriptor, 0);
    this.#words = words(setup.descriptor);
    this.#reader = new ChainReader(
      memory,
      this.slots,
      this.#descriptors,
      size,
      true,
    );
    this.#driverEvent = doubleWords(setup.driver, 0);
    this.#deviceEvent = doubleWords(setup.device, 0);
    this.#next = setup.base & 0x7fff;
    this.#nextWrap = setup.base >>> 15 & 1;
    this.#used = setup.base >>> 16 & 0x7fff;
    this.#usedWrap = setup.base >>> 31;
    this.#journal = setup.journal;
    if (setup.journal) this.#resume(setup.journal);
  }

  /** Shows what the process before has written down, and begins behind it. */
  #resume(journal: UsedJournal): void {
    const { unshown } = journal;
    let descriptors = 0;
    for (let i = 0; i < unshown; i++) descriptors += journal.descriptors(i);
    if (descriptors > this.size) {
      this.broken = `${descriptors} used descriptors in a ring of ${this.size}`;
      return;
    }
    // Once they were visible the driver may have put others in their place.
    if (this.#isAvailable()) this.#showJournal(journal, unshown);
    else this.#moveUsed(descriptors);
    this.#outstanding = 0;
    this.#next = this.#used;
    this.#nextWrap = this.#usedWrap;
    journal.reset(this.base);
  }

  get regions(): readonly Region[] {
    return this.#memory.table;
  }

  get base(): number {
    const available = this.#next | this.#nextWrap << 15;
    const used = this.#used | this.#usedWrap << 15;
    return (available | used << 16) >>> 0;
  }

  get shown(): number {
    return this.#used | this.#usedWrap << 15;
  }

  get usedPosition(): number {
    return this.shown;
  }

  pop(): number {
    if (this.broken !== undefined || !this.#isAvailable()) return NO_CHAIN;
    const { slots, size } = this;
    const room = size - this.#outstanding;
    const slot = slots.take();
    if (room === 0 || !this.#reader.follow(slot, this.#next, room)) {
      slots.giveBack(slot);
      this.broken = `a list of more than ${room} descriptors, which is ` +
        `all that are free in a ring of ${size}`;
      return NO_CHAIN;
    }
    slots.orders[slot] = this.#order;
    this.#order = this.#order + 1 === size ? 0 : this.#order + 1;
    const descriptors = slots.ringDescriptors[slot]!;
    this.#outstanding += descriptors;
    this.#next += descriptors;
    if (this.#next >= size) {
      this.#next -= size;
      this.#nextWrap ^= 1;
    }
    return slot;
  }

  push(slot: number, writtenBytes: number): void {
    const { slots } = this;
    const id = slots.heads[slot]!;
    const descriptors = slots.ringDescriptors[slot]!;
    slots.giveBack(slot);
    const gate = this.#gate;
    if (!gate) {
      this.#use(id, descriptors, writtenBytes);
      return;
    }
    gate.hold(slots.orders[slot]!, id, descriptors, writtenBytes);
    while (gate.ready) {
      this.#use(gate.head, gate.ringDescriptors, gate.writtenBytes);
      gate.advance();
    }
  }

  #use(id: number, ringDescriptors: number, writtenBytes: number): void {
    const journal = this.#journal;
    if (!journal) return this.#stage(id, ringDescriptors, writtenBytes);
    if (journal.count === MOST_USED) this.#commit(journal);
    journal.add(id, ringDescriptors, writtenBytes);
  }

  #commit(journal: UsedJournal): void {
    const { count } = journal;
    if (count === 0) return;
    journal.commit(this.#usedPosition);
    this.#showJournal(journal, count);
    journal.shown(this.#usedPosition);
  }

  #showJournal(journal: UsedJournal, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#stage(
        journal.id(i),
        journal.descriptors(i),
        journal.writtenBytes(i),
      );
    }
    this.#show();
  }

  /** Where a process begins that serves the ring after this one. */
  get #usedPosition(): number {
    const used = this.#used | this.#usedWrap << 15;
    return (used | used << 16) >>> 0;
  }

  /** Makes what is staged visible. */
  #show(): void {
    if (this.#staged === 0) return;
    this.#shown += this.#staged;
    this.#outstanding -= this.#staged;
    this.#staged = 0;
    // Releases the descriptors, which are written before it in plain stores.
    Atomics.store(this.#words, this.#firstStaged * 8 + 7, this.#firstFlags);
  }

  publish(): boolean {
    if (this.#journal) this.#commit(this.#journal);
    else this.#show();
    const moved = this.#shown;
    if (moved === 0) return false;
    this.#shown = 0;
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
    // Before the load of the flags: a driver that does not see the event has
    // stored flags that are seen here (§2.8.10).
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

  /** The load acquires: the rest of the list is read after it in plain loads. */
  #isAvailable(): boolean {
    const flags = Atomics.load(this.#words, this.#next * 8 + 7);
    const available = (flags & AVAILABLE) !== 0 ? 1 : 0;
    const used = (flags & USED) !== 0 ? 1 : 0;
    return available === this.#nextWrap && used !== this.#nextWrap;
  }

  /**
   * Writes a used descriptor. The driver looks only at the one that it expects
   * next, so holding back the first hides all.
   */
  #stage(id: number, ringDescriptors: number, writtenBytes: number): void {
    const at = this.#used << 2;
    const flags = (writtenBytes > 0 ? WRITE : 0) |
      (this.#usedWrap === 1 ? AVAILABLE | USED : 0);
    this.#descriptors[at + 2] = writtenBytes;
    if (this.#staged === 0) {
      this.#words[(at << 1) + 6] = id;
      this.#firstStaged = this.#used;
      this.#firstFlags = flags;
    } else this.#descriptors[at + 3] = id | flags << 16;
    this.#staged += ringDescriptors;
    this.#moveUsed(ringDescriptors);
  }

  #moveUsed(ringDescriptors: number): void {
    this.#used += ringDescriptors;
    if (this.#used >= this.size) {
      this.#used -= this.size;
      this.#usedWrap ^= 1;
    }
  }
}
