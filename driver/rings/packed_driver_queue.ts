/**
 * Packed virtqueues, the driver's side (virtio 1.4 §2.8).
 *
 * What is read and written plainly here lies between an Atomics load and an
 * Atomics store of a descriptor's flags ("Memory order" in docs/architecture.md).
 *
 * @module
 */

import { packedEventAt, wantsPackedEvent } from "../../device/ring/events.ts";
import {
  DESCRIPTOR_AVAILABLE,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_USED,
  DESCRIPTOR_WRITE,
  EVENT_DISABLE,
  type RingAreas,
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

/** A packed virtqueue that a driver fills. */
export class PackedDriverQueue implements DriverQueue {
  readonly size: number;
  readonly addresses: RingAreas;
  broken: string | undefined;
  readonly #descriptors: DataView;
  /** The ring as 16-bit fields; a descriptor's flags are its eighth. */
  readonly #words: Uint16Array<ArrayBuffer>;
  readonly #driverEvent: Int32Array<ArrayBuffer>;
  readonly #deviceEvent: Int32Array<ArrayBuffer>;
  readonly #eventIndex: boolean;
  readonly #tables: IndirectTables | undefined;
  readonly #inFlight: InFlight;
  readonly #freeIds: Uint16Array;
  #freeIdCount: number;
  #freeCount: number;
  #next = 0;
  #nextWrap = 1;
  #used = 0;
  #usedWrap = 1;
  /** Descriptors staged; the first one's flags wait for `publish`. */
  #staged = 0;
  #firstStaged = 0;
  #firstFlags = 0;

  constructor(setup: DriverRingSetup) {
    const { size } = setup;
    this.size = size;
    this.addresses = setup.addresses;
    this.#descriptors = fields(setup.descriptor);
    this.#words = words(setup.descriptor);
    this.#driverEvent = doubleWords(setup.driver, 0);
    this.#deviceEvent = doubleWords(setup.device, 0);
    this.#eventIndex = setup.eventIndex;
    this.#tables = setup.tables;
    this.#inFlight = new InFlight(size, setup.inOrder);
    this.#freeIds = Uint16Array.from({ length: size }, (_, i) => i);
    this.#freeIdCount = size;
    this.#freeCount = size;
  }

  get position(): number {
    return this.#next | this.#nextWrap << 15;
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
    this.#freeIdCount--;
    const id = this.#freeIds[this.#freeIdCount]!;
    this.#freeCount -= ringDescriptors;
    this.#inFlight.add(id, token, ringDescriptors, writable);
    if (tables) {
      const lengthBytes = tables.write(id, readable, writable);
      const address = tables.guestAddress(id);
      this.#describe(address, lengthBytes, id, DESCRIPTOR_INDIRECT);
      return true;
    }
    for (let i = 0; i < count; i++) {
      const isReadable = i < readable.length;
      const buffer = isReadable ? readable[i]! : writable[i - readable.length]!;
      const flags = (isReadable ? 0 : DESCRIPTOR_WRITE) |
        (i + 1 < count ? DESCRIPTOR_NEXT : 0);
      this.#describe(buffer.guestAddress, buffer.lengthBytes, id, flags);
    }
    return true;
  }

  publish(): boolean {
    const moved = this.#staged;
    if (moved === 0) return false;
    this.#staged = 0;
    // Releases descriptors and data, written before it in plain stores.
    Atomics.store(this.#words, this.#firstStaged * 8 + 7, this.#firstFlags);
    // The sequentially consistent store keeps this load behind it.
    return wantsPackedEvent(
      Atomics.load(this.#deviceEvent, 0),
      this.#eventIndex,
      this.#next,
      this.#nextWrap,
      moved,
      this.size,
    );
  }

  take(): Completion | undefined {
    if (this.broken !== undefined) return undefined;
    const inFlight = this.#inFlight;
    let id: number;
    if (inFlight.inBatch) id = inFlight.nextInBatch;
    else {
      if (!this.#isUsed()) return undefined;
      const at = this.#used * 16;
      const named = this.#descriptors.getUint16(at + 12, true);
      if (!inFlight.has(named)) {
        this.broken = `used descriptor names buffer ${named}, which has no ` +
          `request`;
        return undefined;
      }
      // §2.8.3, §2.8.4: without WRITE nothing was written and length is unused.
      const flags = this.#descriptors.getUint16(at + 14, true);
      const writtenBytes = (flags & DESCRIPTOR_WRITE) === 0
        ? 0
        : this.#descriptors.getUint32(at + 8, true);
      id = inFlight.used(named, writtenBytes);
    }
    this.#free(id);
    return inFlight.remove(id);
  }

  enableInterrupts(): boolean {
    const position = this.#used | this.#usedWrap << 15;
    // Before the load of the flags: a device that does not see the wish has
    // stored flags that are seen here (§2.8.10).
    Atomics.store(
      this.#driverEvent,
      0,
      packedEventAt(position, this.#eventIndex),
    );
    return this.#inFlight.inBatch || this.#isUsed();
  }

  disableInterrupts(): void {
    Atomics.store(this.#driverEvent, 0, EVENT_DISABLE << 16);
  }

  /** The load acquires: the rest of the descriptor and results come after it. */
  #isUsed(): boolean {
    if (this.#inFlight.count === 0) return false;
    const flags = Atomics.load(this.#words, this.#used * 8 + 7);
    const available = (flags & DESCRIPTOR_AVAILABLE) !== 0 ? 1 : 0;
    const used = (flags & DESCRIPTOR_USED) !== 0 ? 1 : 0;
    return available === this.#usedWrap && used === this.#usedWrap;
  }

  /**
   * Writes the next descriptor. The device looks only at the one that it expects
   * next, so holding back the first hides all.
   */
  #describe(
    guestAddress: number,
    lengthBytes: number,
    id: number,
    flags: number,
  ): void {
    const at = this.#next * 16;
    const wrapped = flags |
      (this.#nextWrap === 1 ? DESCRIPTOR_AVAILABLE : DESCRIPTOR_USED);
    writeAddressAndLength(this.#descriptors, at, guestAddress, lengthBytes);
    this.#descriptors.setUint16(at + 12, id, true);
    if (this.#staged === 0) {
      this.#firstStaged = this.#next;
      this.#firstFlags = wrapped;
    } else this.#descriptors.setUint16(at + 14, wrapped, true);
    this.#staged++;
    this.#next++;
    if (this.#next === this.size) {
      this.#next = 0;
      this.#nextWrap ^= 1;
    }
  }

  #free(id: number): void {
    const ringDescriptors = this.#inFlight.ringDescriptors(id);
    this.#freeIds[this.#freeIdCount] = id;
    this.#freeIdCount++;
    this.#freeCount += ringDescriptors;
    this.#used += ringDescriptors;
    if (this.#used >= this.size) {
      this.#used -= this.size;
      this.#usedWrap ^= 1;
    }
  }
}
