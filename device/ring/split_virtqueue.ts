/**
 * Split virtqueues, the device's side (virtio 1.4 §2.7).
 *
 * Two habits of QEMU's cryptodev mode, which does not say what the guest has
 * negotiated: indirect descriptors are always accepted, and `avail_event` is
 * always written.
 *
 * What is read and written plainly here lies between an Atomics load and an
 * Atomics store of an index ("Memory order" in docs/architecture.md).
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import { ChainReader } from "./chain_reader.ts";
import { ChainSlots } from "./chain_slots.ts";
import { passedEvent } from "./events.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { InOrderGate } from "./in_order.ts";
import {
  AVAILABLE_NO_INTERRUPT,
  SPLIT_ENTRIES,
  SPLIT_FLAGS,
  SPLIT_INDEX,
  USED_NO_NOTIFY,
} from "./layout.ts";
import { doubleWords, words } from "./ring_area.ts";
import { NO_CHAIN, type RingSetup, type Virtqueue } from "./virtqueue.ts";

/** A split virtqueue. */
export class SplitVirtqueue implements Virtqueue {
  readonly size: number;
  readonly isPacked = false;
  readonly slots = new ChainSlots();
  broken: string | undefined;
  readonly #available: Uint16Array<ArrayBuffer>;
  readonly #used: Uint16Array<ArrayBuffer>;
  readonly #usedEntries: Int32Array<ArrayBuffer>;
  readonly #usedEvent: number;
  readonly #availableEvent: number;
  readonly #mask: number;
  readonly #eventIndex: boolean;
  readonly #gate: InOrderGate | undefined;
  readonly #memory: GuestMemory;
  readonly #reader: ChainReader;
  /** Free-running 16-bit indices: next to pop, end of what is known available. */
  #next: number;
  #end: number;
  /** Next used entry to write, and what the driver has been shown. */
  #staged: number;
  #published: number;
  /** Chains popped and not yet published. */
  #outstanding = 0;
  #order = 0;

  constructor(setup: RingSetup) {
    const { size, memory } = setup;
    this.size = size;
    this.#memory = memory;
    this.#mask = size - 1;
    this.#eventIndex = setup.eventIndex;
    this.#gate = setup.inOrder ? new InOrderGate(size) : undefined;
    const descriptors = doubleWords(setup.descriptor, 0);
    this.#reader = new ChainReader(
      memory,
      this.slots,
      descriptors,
      size,
      false,
    );
    this.#available = words(setup.driver);
    this.#used = words(setup.device);
    this.#usedEntries = doubleWords(setup.device, 4);
    this.#usedEvent = SPLIT_ENTRIES + size;
    this.#availableEvent = SPLIT_ENTRIES + 4 * size;
    this.#next = setup.base & 0xffff;
    this.#end = this.#next;
    // The used index has no base of its own: it is what the ring says.
    this.#staged = Atomics.load(this.#used, SPLIT_INDEX);
    this.#published = this.#staged;
  }

  get regions(): readonly Region[] {
    return this.#memory.table;
  }

  get base(): number {
    return this.#next;
  }

  get shown(): number {
    return (this.#next - this.#outstanding) & 0xffff;
  }

  get usedPosition(): number {
    return this.#staged;
  }

  pop(): number {
    if (this.broken !== undefined) return NO_CHAIN;
    if (this.#next === this.#end && !this.#refresh()) return NO_CHAIN;
    const head = this.#available[SPLIT_ENTRIES + (this.#next & this.#mask)]!;
    if (head >= this.size) {
      this.broken = `available ring names descriptor ${head} of ${this.size}`;
      return NO_CHAIN;
    }
    const { slots } = this;
    const slot = slots.take();
    this.#next = (this.#next + 1) & 0xffff;
    this.#outstanding++;
    slots.heads[slot] = head;
    slots.orders[slot] = this.#order;
    this.#order = (this.#order + 1) & this.#mask;
    this.#reader.follow(slot, head, 0);
    return slot;
  }

  push(slot: number, writtenBytes: number): void {
    const { slots } = this;
    const head = slots.heads[slot]!;
    slots.giveBack(slot);
    const gate = this.#gate;
    if (!gate) {
      this.#stage(head, writtenBytes);
      return;
    }
    gate.hold(slots.orders[slot]!, head, 1, writtenBytes);
    while (gate.ready) {
      this.#stage(gate.head, gate.writtenBytes);
      gate.advance();
    }
  }

  publish(): boolean {
    const before = this.#published;
    const after = this.#staged;
    if (before === after) return false;
    this.#published = after;
    this.#outstanding -= (after - before) & 0xffff;
    // Releases the entries, which are written before it in plain stores.
    Atomics.store(this.#used, SPLIT_INDEX, after);
    // The sequentially consistent store keeps this load behind it (§2.7.7.2).
    if (this.#eventIndex) {
      const event = Atomics.load(this.#available, this.#usedEvent);
      return passedEvent(event, before, after);
    }
    return (Atomics.load(this.#available, SPLIT_FLAGS) &
      AVAILABLE_NO_INTERRUPT) ===
      0;
  }

  enableNotifications(): boolean {
    if (this.broken !== undefined) return false;
    if (!this.#eventIndex) Atomics.store(this.#used, SPLIT_FLAGS, 0);
    // Before the load of the index: a driver that does not see the event has
    // stored an index that is seen here (§2.7.10.1).
    Atomics.store(this.#used, this.#availableEvent, this.#next);
    return this.#next !== this.#end || this.#refresh();
  }

  disableNotifications(): void {
    // §2.7.10.2: with EVENT_IDX flags stay 0; a passed avail_event is enough.
    if (!this.#eventIndex) {
      Atomics.store(this.#used, SPLIT_FLAGS, USED_NO_NOTIFY);
    }
  }

  /**
   * Looks how far the driver has come; true when there is a chain to pop. The
   * load acquires: heads and descriptors are read after it in plain loads.
   */
  #refresh(): boolean {
    const end = Atomics.load(this.#available, SPLIT_INDEX);
    const count = (end - this.#next) & 0xffff;
    if (count === 0) return false;
    if (count + this.#outstanding > this.size) {
      this.broken = `available index ${end} is ${count} past ${this.#next} ` +
        `with ${this.#outstanding} in use, in a ring of ${this.size}`;
      return false;
    }
    this.#end = end;
    return true;
  }

  #stage(head: number, writtenBytes: number): void {
    const entry = (this.#staged & this.#mask) << 1;
    this.#usedEntries[entry] = head;
    this.#usedEntries[entry + 1] = writtenBytes;
    this.#staged = (this.#staged + 1) & 0xffff;
  }
}
