/**
 * Requests that name their buffers by guest address, of a guest that is being
 * moved: what they write is marked in the dirty log. (What is in a chain is marked
 * by its virtqueue.)
 *
 * @module
 */

import {
  BURST_WORDS,
  BurstField,
  type BurstList,
  ListField,
} from "../backends/request_burst.ts";
import {
  RANGE_LENGTH,
  RANGE_OFFSET,
  RANGE_WORDS,
} from "../memory/range_lists.ts";
import type { OverwrittenRanges } from "../memory/overwritten_ranges.ts";
import type { RequestFormat } from "./request_format.ts";
import type { RequestSlots } from "./request_slots.ts";
import type { DirtyLog } from "./ring/dirty_log.ts";
import type { GuestMemory } from "./ring/guest_memory.ts";

/** Marks what the requests of another format write. */
export class LoggedRequests implements RequestFormat {
  readonly requests: RequestSlots;
  readonly #inner: RequestFormat;
  readonly #memory: GuestMemory;
  readonly #log: DirtyLog;

  constructor(inner: RequestFormat, memory: GuestMemory, log: DirtyLog) {
    this.requests = inner.requests;
    this.#inner = inner;
    this.#memory = memory;
    this.#log = log;
  }

  prepare(
    chosen: Int32Array<ArrayBuffer>,
    count: number,
    ready: Int32Array<ArrayBuffer>,
  ): number {
    return this.#inner.prepare(chosen, count, ready);
  }

  nextOverwriting(slots: Int32Array, start: number, end: number): number {
    return this.#inner.nextOverwriting(slots, start, end);
  }

  findOverwritten(
    slot: number,
    into: OverwrittenRanges,
    isAll: boolean,
  ): void {
    this.#inner.findOverwritten(slot, into, isAll);
  }

  finish(
    slots: Int32Array<ArrayBuffer>,
    count: number,
    usedBytes: Int32Array<ArrayBuffer>,
  ): number {
    for (let i = 0; i < count; i++) {
      this.#mark(slots[i]!, BurstField.Destination);
      this.#mark(slots[i]!, BurstField.Digest);
    }
    return this.#inner.finish(slots, count, usedBytes);
  }

  releaseLists(): void {
    this.#inner.releaseLists();
  }

  #mark(slot: number, list: BurstList): void {
    const { fields, lists } = this.requests.burst;
    const field = BURST_WORDS * slot + list;
    const first = lists.starts[slot]! + fields[field + ListField.First]!;
    const count = fields[field + ListField.Count]!;
    for (let i = 0; i < count; i++) {
      const at = first + RANGE_WORDS * i;
      this.#log.mark(
        this.#memory.addressOf(lists.block[at]!) +
          lists.block[at + RANGE_OFFSET]!,
        lists.block[at + RANGE_LENGTH]!,
      );
    }
  }
}
