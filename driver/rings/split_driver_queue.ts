/**
 * Split virtqueues, the driver's side (virtio 1.4 §2.7).
 *
 * What is read and written plainly here lies between an Atomics load and an
 * Atomics store of an index ("Memory order" in docs/architecture.md).
 *
 * @module
 */

import { passedEvent } from "../../device/ring/events.ts";
import {
  AVAILABLE_NO_INTERRUPT,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
  type RingAreas,
  SPLIT_ENTRIES,
  SPLIT_FLAGS,
  SPLIT_INDEX,
  USED_NO_NOTIFY,
} from "../../device/ring/layout.ts";
import { doubleWords, fields, words } from "../../device/ring/ring_area.ts";
import type { Completion, DriverQueue, GuestBuffer } from "./driver_queue.ts";
import type { DriverRingSetup } from "./driver_ring_setup.ts";
import { InFlight } from "./in_flight.ts";
import {
  type IndirectTables,
  requireFitting,
  writeAddressAndLength,
} from "./indirect_tables.ts";

/** A split virtqueue that a driver fills. */
export class SplitDriverQueue implements DriverQueue {
  readonly size: number;
  readonly addresses: RingAreas;
  broken: string | undefined;
  readonly #descriptors: DataView;
  readonly #available: Uint16Array<ArrayBuffer>;
  readonly #used: Uint16Array<ArrayBuffer>;
  readonly #usedEntries: Int32Array<ArrayBuffer>;
  readonly #usedEvent: number;
  readonly #availableEvent: number;
  readonly #mask: number;
  readonly #eventIndex: boolean;
  readonly #tables: IndirectTables | undefined;
  readonly #inFlight: InFlight;
  /**
   * Free descriptors, oldest first, linked by `#links`. With IN_ORDER they come
   * back in the order in which they went, so chains follow ring order (§2.7.5).
   */
  readonly #links: Uint16Array;
  readonly #lasts: Uint16Array;
  #freeHead = 0;
  #freeTail: number;
  #freeCount: number;
  /** Free-running 16-bit indices. */
  #staged = 0;
  #published = 0;
  #taken = 0;

  constructor(setup: DriverRingSetup) {
    const { size } = setup;
    this.size = size;
    this.addresses = setup.addresses;
    this.#descriptors = fields(setup.descriptor);
    this.#available = words(setup.driver);
    this.#used = words(setup.device);
    this.#usedEntries = doubleWords(setup.device, 4);
    this.#usedEvent = SPLIT_ENTRIES + size;
    this.#availableEvent = SPLIT_ENTRIES + 4 * size;
    this.#mask = size - 1;
    this.#eventIndex = setup.eventIndex;
    this.#tables = setup.tables;
    this.#inFlight = new InFlight(size, setup.inOrder);
    this.#links = Uint16Array.from({ length: size }, (_, i) => (i + 1) % size);
    this.#lasts = new Uint16Array(size);
    this.#freeTail = size - 1;
    this.#freeCount = size;
  }

  get position(): number {
    return this.#published;
  }

  add(
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
    token: number,
  ): boolean {
    const count = readable.length + writable.length;
    const tables = this.#tables;
    requireFitting(count, tables ? tables.maxDescriptors : this.size);
    const ringDescriptors = tables ? 1 : count;
    if (ringDescriptors > this.#freeCount) return false;
    const head = this.#freeHead;
    const last = tables
      ? this.#describeTable(tables, head, readable, writable)
      : this.#describe(head, readable, writable);
    this.#freeHead = this.#links[last]!;
    this.#freeCount -= ringDescriptors;
    this.#lasts[head] = last;
    this.#inFlight.add(head, token, ringDescriptors, writable);
    this.#available[SPLIT_ENTRIES + (this.#staged & this.#mask)] = head;
    this.#staged = (this.#staged + 1) & 0xffff;
    return true;
  }

  publish(): boolean {
    const before = this.#published;
    const after = this.#staged;
    if (before === after) return false;
    this.#published = after;
    // Releases entries, descriptors and data, written before it in plain stores.
    Atomics.store(this.#available, SPLIT_INDEX, after);
    // The sequentially consistent store keeps this load behind it (§2.7.13.4).
    if (this.#eventIndex) {
      const event = Atomics.load(this.#used, this.#availableEvent);
      return passedEvent(event, before, after);
    }
    return (Atomics.load(this.#used, SPLIT_FLAGS) & USED_NO_NOTIFY) === 0;
  }

  take(): Completion | undefined {
    if (this.broken !== undefined || !this.#isUsed()) return undefined;
    const inFlight = this.#inFlight;
    let head: number;
    if (inFlight.inBatch) head = inFlight.nextInBatch;
    else {
      const entry = (this.#taken & this.#mask) << 1;
      const id = this.#usedEntries[entry]! >>> 0;
      if (!inFlight.has(id)) {
        this.broken = `used ring names descriptor ${id}, which has no request`;
        return undefined;
      }
      head = inFlight.used(id, this.#usedEntries[entry + 1]! >>> 0);
    }
    this.#taken = (this.#taken + 1) & 0xffff;
    this.#free(head);
    return inFlight.remove(head);
  }

  enableInterrupts(): boolean {
    // Before the load of the index: a device that does not see the wish has
    // stored an index that is seen here (§2.7.7.2).
    if (this.#eventIndex) {
      Atomics.store(this.#available, this.#usedEvent, this.#taken);
    } else Atomics.store(this.#available, SPLIT_FLAGS, 0);
    return this.#isUsed();
  }

  disableInterrupts(): void {
    if (!this.#eventIndex) {
      Atomics.store(this.#available, SPLIT_FLAGS, AVAILABLE_NO_INTERRUPT);
      return;
    }
    // §2.7.7.1: with EVENT_IDX flags stay 0; an entry just passed is enough.
    const passed = (this.#taken - 1) & 0xffff;
    Atomics.store(this.#available, this.#usedEvent, passed);
  }

  /** The load acquires: used entries and results are read after it. */
  #isUsed(): boolean {
    return Atomics.load(this.#used, SPLIT_INDEX) !== this.#taken;
  }

  #describeTable(
    tables: IndirectTables,
    head: number,
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
  ): number {
    const lengthBytes = tables.write(head, readable, writable);
    const at = head * 16;
    const address = tables.guestAddress(head);
    writeAddressAndLength(this.#descriptors, at, address, lengthBytes);
    this.#descriptors.setUint32(at + 12, DESCRIPTOR_INDIRECT, true);
    return head;
  }

  /** Writes a chain of direct descriptors; returns the last. */
  #describe(
    head: number,
    readable: readonly GuestBuffer[],
    writable: readonly GuestBuffer[],
  ): number {
    const view = this.#descriptors;
    const count = readable.length + writable.length;
    let index = head;
    for (let i = 0;; i++) {
      const isReadable = i < readable.length;
      const buffer = isReadable ? readable[i]! : writable[i - readable.length]!;
      const at = index * 16;
      writeAddressAndLength(view, at, buffer.guestAddress, buffer.lengthBytes);
      const flags = isReadable ? 0 : DESCRIPTOR_WRITE;
      if (i + 1 === count) {
        view.setUint32(at + 12, flags, true);
        return index;
      }
      const next = this.#links[index]!;
      view.setUint32(at + 12, flags | DESCRIPTOR_NEXT | next << 16, true);
      index = next;
    }
  }

  #free(head: number): void {
    if (this.#freeCount === 0) this.#freeHead = head;
    else this.#links[this.#freeTail] = head;
    this.#freeTail = this.#lasts[head]!;
    this.#freeCount += this.#inFlight.ringDescriptors(head);
  }
}
