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
import {
  MOST_CHAINS,
  NO_CHAIN,
  type RingSetup,
  type Virtqueue,
} from "./virtqueue.ts";

// The engine folds constants of a module of its own only.
const ENTRIES = SPLIT_ENTRIES;
const INDEX = SPLIT_INDEX;

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
  /** The first descriptors of the chains that are taken. */
  readonly #heads = new Int32Array(MOST_CHAINS);
  readonly #one = new Int32Array(1);
  readonly #given = new Int32Array(1);
  readonly #oneLength = new Int32Array(1);

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
    this.#staged = Atomics.load(this.#used, INDEX);
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

  take(into: Int32Array<ArrayBuffer>, most: number, mostBytes: number): number {
    if (this.broken !== undefined) return 0;
    const waiting = this.#waiting(most);
    const wanted = waiting < most ? waiting : most;
    if (wanted === 0) return 0;
    this.#gate?.taking();
    const { slots } = this;
    const listed = this.#list(wanted);
    slots.takeSome(into, 0, listed);
    const taken = this.#reader.followAll(into, this.#heads, listed, mostBytes);
    if (taken < listed) slots.giveBackSome(into, taken, listed);
    else if (listed < wanted) {
      this.broken = `available ring names descriptor ${this.#heads[listed]} ` +
        `of ${this.size}`;
    }
    this.#gate?.taken(into, taken);
    this.#next = (this.#next + taken) & 0xffff;
    this.#outstanding += taken;
    return taken;
  }

  pop(): number {
    return this.take(this.#one, 1, 1) === 1 ? this.#one[0]! : NO_CHAIN;
  }

  /**
   * Takes a chain again that another process had taken, so that it is behind
   * `base`. As `pop`; the ring has such a descriptor for certain.
   */
  popHead(head: number): number {
    if (this.broken !== undefined) return NO_CHAIN;
    const one = this.#one;
    this.#gate?.taking();
    this.slots.takeSome(one, 0, 1);
    this.#heads[0] = head;
    this.#reader.followAll(one, this.#heads, 1, 1);
    this.#gate?.taken(one, 1);
    this.#outstanding++;
    return one[0]!;
  }

  /** Lists the heads of `wanted` chains; how many, up to one that is none. */
  #list(wanted: number): number {
    const heads = this.#heads;
    const available = this.#available;
    const mask = this.#mask;
    const next = this.#next;
    for (let i = 0; i < wanted; i++) {
      const head = available[ENTRIES + ((next + i) & mask)]!;
      heads[i] = head;
      if (head > mask) return i;
    }
    return wanted;
  }

  give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { heads } = this.slots;
    const gate = this.#gate;
    if (gate && !gate.passAll(slots, count)) {
      this.#release(gate, slots, writtenBytes, count);
    } else {
      const entries = this.#usedEntries;
      const mask = this.#mask;
      let staged = this.#staged;
      for (let i = 0; i < count; i++) {
        const entry = (staged & mask) << 1;
        entries[entry] = heads[slots[i]!]!;
        entries[entry + 1] = writtenBytes[i]!;
        staged = (staged + 1) & 0xffff;
      }
      this.#staged = staged;
    }
    this.slots.giveBackSome(slots, 0, count);
  }

  push(slot: number, writtenBytes: number): void {
    this.#given[0] = slot;
    this.#oneLength[0] = writtenBytes;
    this.give(this.#given, this.#oneLength, 1);
  }

  pushLeft(head: number, _: number, writtenBytes: number): void {
    this.#outstanding++;
    this.#stage(head, writtenBytes);
  }

  /** Stages what is next in the order of the ring, and holds the rest. */
  #release(
    gate: InOrderGate,
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { heads } = this.slots;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      gate.hold(slot, heads[slot]!, 1, writtenBytes[i]! >>> 0);
    }
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
    Atomics.store(this.#used, INDEX, after);
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
    return this.#waiting(1) > 0;
  }

  disableNotifications(): void {
    // §2.7.10.2: with EVENT_IDX flags stay 0; a passed avail_event is enough.
    if (!this.#eventIndex) {
      Atomics.store(this.#used, SPLIT_FLAGS, USED_NO_NOTIFY);
    }
  }

  /**
   * How many chains are known to be there; looks how far the driver has come when
   * there are less than `wanted`: small bursts would stay small. The load acquires:
   * heads and descriptors are read after it in plain loads.
   */
  #waiting(wanted: number): number {
    const next = this.#next;
    const known = (this.#end - next) & 0xffff;
    if (known >= wanted) return known;
    const end = Atomics.load(this.#available, INDEX);
    const count = (end - next) & 0xffff;
    const isSound = count === 0 || count + this.#outstanding <= this.size;
    // What was there once still is, and a ring breaks behind it.
    if (known > 0 && (!isSound || count < known)) return known;
    if (!isSound) {
      this.broken = `available index ${end} is ${count} past ${next} ` +
        `with ${this.#outstanding} in use, in a ring of ${this.size}`;
      return 0;
    }
    this.#end = end;
    return count;
  }

  #stage(head: number, writtenBytes: number): void {
    const entry = (this.#staged & this.#mask) << 1;
    this.#usedEntries[entry] = head;
    this.#usedEntries[entry + 1] = writtenBytes;
    this.#staged = (this.#staged + 1) & 0xffff;
  }
}
