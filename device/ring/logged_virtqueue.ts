/**
 * A virtqueue of a guest that is being moved: all that is written for its ring is
 * marked in the dirty log, after it was written. A ring that logs is another
 * object, so that one that does not pays nothing.
 *
 * @module
 */

import {
  RANGE_LENGTH,
  RANGE_OFFSET,
  RANGE_WORDS,
} from "../../memory/range_lists.ts";
import { NO_STATUS_PLACE } from "./chain_slots.ts";
import type { DirtyLog } from "./dirty_log.ts";
import { DESCRIPTOR_BYTES } from "./layout.ts";
import { OuterVirtqueue } from "./outer_virtqueue.ts";
import type { RingSetup, Virtqueue } from "./virtqueue.ts";

/** Offsets and lengths in a split ring's used ring (virtio 1.4 §2.7.8). */
const INDEX_AT = 2;
const ENTRIES_AT = 4;
const ENTRY_BYTES = 8;
const WORD_BYTES = 2;
/** An event suppression structure (§2.8.10.1). */
const EVENT_BYTES = 4;

/** Marks what another virtqueue and its service write. */
export class LoggedVirtqueue extends OuterVirtqueue {
  readonly #setup: RingSetup;
  readonly #log: DirtyLog;
  /** Where the device area is in the log. */
  readonly #usedAt: number;
  /** What has been marked of used entries. */
  #used: number;

  constructor(inner: Virtqueue, setup: RingSetup, log: DirtyLog) {
    super(inner);
    this.#setup = setup;
    this.#log = log;
    this.#usedAt = setup.packed
      ? setup.usedAddress
      : setup.usedLogAddress ?? setup.usedAddress;
    this.#used = inner.usedPosition;
    // What was shown before this log came, or by a process that has ended.
    log.mark(this.#usedAt, setup.device.lengthBytes);
    if (setup.packed) this.#markDescriptors(0, setup.size);
  }

  override give(
    slots: Int32Array<ArrayBuffer>,
    writtenBytes: Int32Array<ArrayBuffer>,
    count: number,
  ): void {
    for (let i = 0; i < count; i++) this.#markBuffers(slots[i]!);
    this.inner.give(slots, writtenBytes, count);
  }

  override push(slot: number, writtenBytes: number): void {
    this.#markBuffers(slot);
    this.inner.push(slot, writtenBytes);
  }

  override publish(): boolean {
    const notify = this.inner.publish();
    this.#markUsed();
    return notify;
  }

  override enableNotifications(): boolean {
    const isAvailable = this.inner.enableNotifications();
    this.#markEvents();
    return isAvailable;
  }

  override disableNotifications(): void {
    this.inner.disableNotifications();
    this.#markEvents();
  }

  /**
   * Marks where the request may have written: a failure tells a length of 1 and
   * may have written as much as a success.
   */
  #markBuffers(slot: number): void {
    const { slots } = this.inner;
    const { block, starts, ends } = slots.lists;
    let left = this.#setup.mostWrittenBytes ?? Infinity;
    const end = ends[slot]!;
    let at = starts[slot]! + slots.readableWords[slot]!;
    for (; at < end && left > 0; at += RANGE_WORDS) {
      const lengthBytes = Math.min(block[at + RANGE_LENGTH]!, left);
      this.#markRange(block[at]!, block[at + RANGE_OFFSET]!, lengthBytes);
      left -= lengthBytes;
    }
    const region = slots.statusRegions[slot]!;
    if (region === NO_STATUS_PLACE) return;
    this.#markRange(region, slots.statusOffsets[slot]!, 1);
  }

  #markRange(place: number, offset: number, lengthBytes: number): void {
    const { memory } = this.#setup;
    this.#log.mark(memory.addressOf(place) + offset, lengthBytes);
  }

  /** Marks the used entries since the last time. */
  #markUsed(): void {
    const before = this.#used;
    const after = this.inner.usedPosition;
    if (before === after) return;
    this.#used = after;
    const { size, packed } = this.#setup;
    const lap = packed ? 0x7fff : size - 1;
    const from = before & lap;
    const to = after & lap;
    if (to > from) this.#markEntries(from, to);
    else {
      this.#markEntries(from, size);
      this.#markEntries(0, to);
    }
    if (!packed) this.#log.mark(this.#usedAt + INDEX_AT, WORD_BYTES);
  }

  #markEntries(from: number, to: number): void {
    if (this.#setup.packed) this.#markDescriptors(from, to);
    else {
      const at = this.#usedAt + ENTRIES_AT + ENTRY_BYTES * from;
      this.#log.mark(at, ENTRY_BYTES * (to - from));
    }
  }

  #markDescriptors(from: number, to: number): void {
    this.#log.mark(
      this.#setup.descriptorAddress + DESCRIPTOR_BYTES * from,
      DESCRIPTOR_BYTES * (to - from),
    );
  }

  /** Marks what tells the driver whether to notify. */
  #markEvents(): void {
    const { size, packed } = this.#setup;
    if (packed) this.#log.mark(this.#usedAt, EVENT_BYTES);
    else {
      this.#log.mark(this.#usedAt, WORD_BYTES);
      this.#log.mark(
        this.#usedAt + ENTRIES_AT + ENTRY_BYTES * size,
        WORD_BYTES,
      );
    }
  }
}
