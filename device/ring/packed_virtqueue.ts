/**
 * Packed virtqueues, the device's side (virtio 1.4 §2.8).
 *
 * What is read and written plainly here lies between a read of a descriptor's
 * flags, with Atomics or a fence behind it, and an Atomics store of them ("Memory
 * order" in docs/architecture.md).
 *
 * @module
 */

import { ENTRY_WORDS, MOST_USED, type UsedJournal } from "./used_journal.ts";
import { Fence } from "../../memory/fence.ts";
import type { Region } from "../../memory/region.ts";
import { ChainReader } from "./chain_reader.ts";
import { ChainSlots } from "./chain_slots.ts";
import { packedEventAt, wantsPackedEvent } from "./events.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { InOrderGate } from "./in_order.ts";
import type { InflightPart } from "./inflight_part.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_USED,
  DESCRIPTOR_WRITE,
  EVENT_DISABLE,
} from "./layout.ts";
import { doubleWords, words } from "./ring_area.ts";
import { RingPositions } from "./ring_positions.ts";
import {
  MOST_CHAINS,
  NO_CHAIN,
  type RingSetup,
  type Virtqueue,
} from "./virtqueue.ts";

// The engine folds constants of a module of its own only.
const AVAILABLE = DESCRIPTOR_AVAILABLE;
const USED = DESCRIPTOR_USED;
const WRITE = DESCRIPTOR_WRITE;
const ENTRY = ENTRY_WORDS;
/** Above every slot and place; the engine knows what a masked number cannot be. */
const MASK = 0xffff;

/** A packed virtqueue. */
export class PackedVirtqueue implements Virtqueue {
  readonly size: number;
  readonly isPacked = true;
  readonly slots = new ChainSlots();
  /** Hears what is shown before `publish`, where there is no room to wait for it. */
  tracker: Pick<InflightPart, "showing" | "shown"> | undefined;
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
  /** The first descriptors of the chains that are taken. */
  readonly #firsts = new Int32Array(MOST_CHAINS);
  readonly #one = new Int32Array(1);
  readonly #fence = new Fence();
  readonly #given = new Int32Array(1);
  readonly #oneLength = new Int32Array(1);
  /** A single one that is staged, as a list of one slot that counts for 0. */
  readonly #zero = new Int32Array(1);
  readonly #ids = new Int32Array(1);
  readonly #taken = new Int32Array(1);
  readonly #lengths = new Int32Array(1);
  /** Whether the last chain was like the one before in its slot. */
  #areAlike = true;
  readonly #journal: UsedJournal | undefined;
  readonly #positions: RingPositions;
  /** Descriptors shown since the driver was last asked. */
  #shown = 0;

  constructor(setup: RingSetup) {
    const { size, memory } = setup;
    this.size = size;
    this.#positions = new RingPositions(size, true);
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
    const descriptors = journal.descriptors(unshown);
    if (descriptors > this.size) {
      this.broken = `${descriptors} used descriptors in a ring of ${this.size}`;
      return;
    }
    // Once they were visible the driver may have put others in their place.
    if (this.#isAvailable()) {
      this.#stageWritten(journal, unshown);
      this.#show();
    } else {
      const used = this.#positions.after(this.shown, descriptors);
      this.#used = used & 0x7fff;
      this.#usedWrap = used >>> 15;
    }
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
    const journal = this.#journal;
    if (!journal) return this.shown;
    return this.#positions.after(
      this.shown,
      journal.descriptors(journal.count),
    );
  }

  take(into: Int32Array<ArrayBuffer>, most: number, mostBytes: number): number {
    const reader = this.#reader;
    this.#gate?.taking();
    let left = mostBytes;
    let taken = 0;
    while (taken < most && left > 0 && this.broken === undefined) {
      // Lists that are like none before may take any number of descriptors.
      const count = this.#countAvailable(this.#areAlike ? most - taken : 1);
      if (count === 0) break;
      const listed = taken + count;
      this.#list(into, taken, listed);
      let done = taken;
      if (this.#outstanding < this.size) {
        done = reader.followAlike(into, this.#firsts, taken, listed, left);
        left = reader.leftBytes;
      }
      // Each is a table, which one descriptor of the ring names.
      this.#passBy(done - taken);
      this.#areAlike = done > taken;
      taken = done;
      if (taken < listed && left > 0) {
        const slot = into[taken]!;
        if (this.#followOne(slot)) {
          const { readableBytes, ringDescriptors } = this.slots;
          left -= readableBytes[slot]!;
          this.#passBy(ringDescriptors[slot]!);
          taken++;
        }
      }
      if (taken < listed) this.slots.giveBackSome(into, taken, listed);
    }
    if (taken > 0) this.#gate?.taken(into, taken);
    return taken;
  }

  pop(): number {
    return this.take(this.#one, 1, 1) === 1 ? this.#one[0]! : NO_CHAIN;
  }

  /** Takes slots for the next chains, each a descriptor behind the one before. */
  #list(into: Int32Array<ArrayBuffer>, from: number, to: number): void {
    const firsts = this.#firsts;
    const next = this.#next;
    this.slots.takeSome(into, from, to - from);
    for (let i = from; i < to; i++) firsts[i] = next + i - from;
  }

  /**
   * How many of the next descriptors are available, up to the end of the ring and
   * `most`. Their flags are read plainly, and then all that the driver wrote before
   * them is read behind a fence: a load that acquires is a call.
   */
  #countAvailable(most: number): number {
    const words = this.#words;
    const next = this.#next;
    const room = Math.max(this.size - this.#outstanding, 1);
    const limit = Math.min(most, room, this.size - next);
    const wanted = this.#wantedFlags;
    let count = 0;
    while (
      count < limit &&
      (words[((next + count) & MASK) * 8 + 7]! & (AVAILABLE | USED)) === wanted
    ) count = (count + 1) | 0;
    // One is acquired by looking again, at the price of one call.
    if (count === 1) return this.#isAvailable() ? 1 : 0;
    if (count > 1) this.#fence.pass();
    return count;
  }

  /** Whether the next descriptor is available; the load acquires. */
  #isAvailable(): boolean {
    const flags = Atomics.load(this.#words, this.#next * 8 + 7);
    return (flags & (AVAILABLE | USED)) === this.#wantedFlags;
  }

  /** The bits of the flags of a descriptor that is available. */
  get #wantedFlags(): number {
    return this.#nextWrap === 1 ? AVAILABLE : USED;
  }

  /** Follows the next chain, whatever it is; false where the ring is broken. */
  #followOne(slot: number): boolean {
    const room = this.size - this.#outstanding;
    if (room > 0 && this.#reader.follow(slot, this.#next, room)) return true;
    this.broken = `a list of more than ${room} descriptors, which is ` +
      `all that are free in a ring of ${this.size}`;
    return false;
  }

  /** Goes on behind chains that take so many descriptors. */
  #passBy(descriptors: number): void {
    this.#outstanding += descriptors;
    this.#next += descriptors;
    // A ring's worth at most: it goes round once.
    if (this.#next < this.size) return;
    this.#next -= this.size;
    this.#nextWrap ^= 1;
  }

  give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const gate = this.#gate;
    if (gate && !gate.passAll(slots, count)) {
      this.#release(gate, slots, writtenBytes, count);
    } else if (this.#journal) {
      this.#writeDown(this.#journal, slots, writtenBytes, count);
    } else {
      const { heads, ringDescriptors } = this.slots;
      this.#stage(slots, heads, ringDescriptors, writtenBytes, count);
    }
    this.slots.giveBackSome(slots, 0, count);
  }

  /** Writes used descriptors into the journal, for the next `commit`. */
  #writeDown(
    journal: UsedJournal,
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    if (journal.count + count > MOST_USED) this.#makeRoom(journal);
    const { heads, ringDescriptors } = this.slots;
    const { entries } = journal;
    let at = ENTRY * journal.count;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const slot = slots[i]! & MASK;
      entries[at] = heads[slot]! | ringDescriptors[slot]! << 16;
      entries[at + 1] = writtenBytes[i]!;
      at = (at + ENTRY) | 0;
    }
    journal.count += count;
  }

  /** Uses what is next in the order of the ring, and holds the rest. */
  #release(
    gate: InOrderGate,
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const { heads, ringDescriptors } = this.slots;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const lengthBytes = writtenBytes[i]! >>> 0;
      gate.hold(slot, heads[slot]!, ringDescriptors[slot]!, lengthBytes);
    }
    for (; gate.ready; gate.advance()) {
      const { head, ringDescriptors, writtenBytes } = gate;
      this.#use(head, ringDescriptors, writtenBytes);
    }
  }

  push(slot: number, writtenBytes: number): void {
    this.#given[0] = slot;
    this.#oneLength[0] = writtenBytes;
    this.give(this.#given, this.#oneLength, 1);
  }

  pushLeft(id: number, ringDescriptors: number, writtenBytes: number): void {
    this.#outstanding += ringDescriptors;
    this.#use(id, ringDescriptors, writtenBytes);
  }

  #use(id: number, ringDescriptors: number, writtenBytes: number): void {
    const journal = this.#journal;
    if (!journal) return this.#stageOne(id, ringDescriptors, writtenBytes);
    if (journal.count === MOST_USED) this.#makeRoom(journal);
    const at = ENTRY * journal.count++;
    journal.entries[at] = id | ringDescriptors << 16;
    journal.entries[at + 1] = writtenBytes;
  }

  #makeRoom(journal: UsedJournal): void {
    this.tracker?.showing();
    this.#commit(journal);
    this.tracker?.shown();
  }

  #commit(journal: UsedJournal): void {
    const { count } = journal;
    if (count === 0) return;
    journal.commit(this.#usedPosition);
    this.#stageWritten(journal, count);
    this.#show();
    journal.shown(this.#usedPosition);
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

  #stageOne(id: number, ringDescriptors: number, writtenBytes: number): void {
    this.#ids[0] = id;
    this.#taken[0] = ringDescriptors;
    this.#lengths[0] = writtenBytes;
    this.#stage(this.#zero, this.#ids, this.#taken, this.#lengths, 1);
  }

  /**
   * Writes used descriptors for `slots`, whose buffer IDs and numbers of
   * descriptors are by slot. The driver looks only at the one that it expects next,
   * so holding back the first hides all.
   */
  #stage(
    slots: Int32Array<ArrayBuffer>,
    ids: Int32Array<ArrayBuffer>,
    ringDescriptors: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    const descriptors = this.#descriptors;
    const { size } = this;
    let used = this.#used;
    let wrapFlags = this.#usedWrap === 1 ? AVAILABLE | USED : 0;
    let staged = this.#staged;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const slot = slots[i]! & MASK;
      const at = (used & MASK) << 2;
      const lengthBytes = writtenBytes[i]!;
      const flags = (lengthBytes !== 0 ? WRITE : 0) | wrapFlags;
      descriptors[at + 2] = lengthBytes;
      if (staged === 0) {
        this.#words[(at << 1) + 6] = ids[slot]!;
        this.#firstStaged = used;
        this.#firstFlags = flags;
      } else descriptors[at + 3] = ids[slot]! | flags << 16;
      const taken = ringDescriptors[slot]!;
      staged = (staged + taken) | 0;
      used = (used + taken) | 0;
      if (used >= size) {
        used = (used - size) | 0;
        wrapFlags ^= AVAILABLE | USED;
      }
    }
    this.#used = used;
    this.#usedWrap = wrapFlags === 0 ? 0 : 1;
    this.#staged = staged;
  }

  /**
   * The same from the journal's first entries. The loop is another one, since to
   * have entries of all rings would cost those that are not kept.
   */
  #stageWritten({ entries }: UsedJournal, count: number): void {
    const descriptors = this.#descriptors;
    const { size } = this;
    let used = this.#used;
    let wrapFlags = this.#usedWrap === 1 ? AVAILABLE | USED : 0;
    let staged = this.#staged;
    let entry = 0;
    for (let i = 0; i < count; i = (i + 1) | 0) {
      const at = (used & MASK) << 2;
      const first = entries[entry]!;
      const lengthBytes = entries[entry + 1]!;
      const flags = (lengthBytes !== 0 ? WRITE : 0) | wrapFlags;
      descriptors[at + 2] = lengthBytes;
      if (staged === 0) {
        this.#words[(at << 1) + 6] = first;
        this.#firstStaged = used;
        this.#firstFlags = flags;
      } else descriptors[at + 3] = first & MASK | flags << 16;
      const taken = first >>> 16;
      staged = (staged + taken) | 0;
      used = (used + taken) | 0;
      if (used >= size) {
        used = (used - size) | 0;
        wrapFlags ^= AVAILABLE | USED;
      }
      entry = (entry + ENTRY) | 0;
    }
    this.#used = used;
    this.#usedWrap = wrapFlags === 0 ? 0 : 1;
    this.#staged = staged;
  }
}
