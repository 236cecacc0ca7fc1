/**
 * Split virtqueues, the device's side (virtio 1.4 §2.7).
 *
 * Two habits of QEMU's cryptodev mode, which does not say what the guest has
 * negotiated: indirect descriptors are always accepted, and `avail_event` is
 * always written.
 *
 * @module
 */

import type { DescriptorChain } from "./chain.ts";
import { ChainBuilder } from "./chain_builder.ts";
import { passedEvent } from "./events.ts";
import { InOrderGate } from "./in_order.ts";
import {
  AVAILABLE_NO_INTERRUPT,
  DESCRIPTOR_INDIRECT,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WRITE,
  SPLIT_ENTRIES,
  SPLIT_FLAGS,
  SPLIT_INDEX,
  USED_NO_NOTIFY,
} from "./layout.ts";
import { doubleWords, words } from "./ring_area.ts";
import type { RingSetup, Virtqueue } from "./virtqueue.ts";

// The engine folds constants of a module of its own only.
const NEXT = DESCRIPTOR_NEXT;
const WRITE = DESCRIPTOR_WRITE;
const INDIRECT = DESCRIPTOR_INDIRECT;

/** A split virtqueue. */
export class SplitVirtqueue implements Virtqueue {
  readonly size: number;
  broken: string | undefined;
  readonly #descriptors: Uint32Array<ArrayBuffer>;
  readonly #available: Uint16Array<ArrayBuffer>;
  readonly #used: Uint16Array<ArrayBuffer>;
  readonly #usedEntries: Uint32Array<ArrayBuffer>;
  readonly #usedEvent: number;
  readonly #availableEvent: number;
  readonly #mask: number;
  readonly #eventIndex: boolean;
  readonly #gate: InOrderGate | undefined;
  readonly #builder: ChainBuilder;
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
    this.size = setup.size;
    this.#mask = setup.size - 1;
    this.#eventIndex = setup.eventIndex;
    this.#gate = setup.inOrder ? new InOrderGate(setup.size) : undefined;
    this.#builder = new ChainBuilder(setup.memory);
    this.#descriptors = doubleWords(setup.descriptor, 0);
    this.#available = words(setup.driver);
    this.#used = words(setup.device);
    this.#usedEntries = doubleWords(setup.device, 4);
    this.#usedEvent = SPLIT_ENTRIES + setup.size;
    this.#availableEvent = SPLIT_ENTRIES + 4 * setup.size;
    this.#next = setup.base & 0xffff;
    this.#end = this.#next;
    // The used index has no base of its own: it is what the ring says.
    this.#staged = Atomics.load(this.#used, SPLIT_INDEX);
    this.#published = this.#staged;
  }

  get base(): number {
    return this.#next;
  }

  pop(chain: DescriptorChain): boolean {
    if (this.broken !== undefined) return false;
    if (this.#next === this.#end && !this.#refresh()) return false;
    const head = this.#available[SPLIT_ENTRIES + (this.#next & this.#mask)]!;
    if (head >= this.size) {
      this.broken = `available ring names descriptor ${head} of ${this.size}`;
      return false;
    }
    this.#next = (this.#next + 1) & 0xffff;
    this.#outstanding++;
    this.#builder.begin(chain);
    chain.head = head;
    chain.order = this.#order;
    this.#order = (this.#order + 1) & this.#mask;
    if (this.#walk(chain, head)) this.#builder.finish();
    else this.#builder.reject();
    return true;
  }

  push(chain: DescriptorChain, writtenBytes: number): void {
    const gate = this.#gate;
    if (!gate) {
      this.#stage(chain.head, writtenBytes);
      return;
    }
    gate.hold(chain, writtenBytes);
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
    Atomics.store(this.#used, this.#availableEvent, this.#next);
    return this.#next !== this.#end || this.#refresh();
  }

  disableNotifications(): void {
    // §2.7.10.2: with EVENT_IDX flags stay 0; a passed avail_event is enough.
    if (!this.#eventIndex) {
      Atomics.store(this.#used, SPLIT_FLAGS, USED_NO_NOTIFY);
    }
  }

  /** Looks how far the driver has come; true when there is a chain to pop. */
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

  /** Follows a chain; false when it is malformed. */
  #walk(chain: DescriptorChain, head: number): boolean {
    const builder = this.#builder;
    let words = this.#descriptors;
    let start = 0;
    let count = this.size;
    let index = head;
    let taken = 0;
    // A chain longer than its table has a loop.
    let limit = count;
    let inTable = false;
    let intact = false;
    for (;;) {
      const at = start + (index << 2);
      const low = words[at]!;
      const high = words[at + 1]!;
      const lengthBytes = words[at + 2]!;
      const flags = words[at + 3]!;
      if ((flags & INDIRECT) !== 0) {
        if (
          inTable || (flags & NEXT) !== 0 ||
          !builder.openTable(low, high, lengthBytes)
        ) break;
        words = builder.tableWords;
        start = builder.tableWord;
        count = builder.tableCount;
        limit = taken + count;
        index = 0;
        inTable = true;
        continue;
      }
      taken++;
      if (!builder.append(low, high, lengthBytes, (flags & WRITE) !== 0)) break;
      if ((flags & NEXT) === 0) {
        intact = true;
        break;
      }
      index = flags >>> 16;
      if (index >= count || taken === limit) break;
    }
    chain.descriptorCount = taken;
    return intact;
  }
}
