/**
 * Memory for results that must not go to their places at once.
 *
 * @module
 */

import { Region } from "../memory/region.ts";

const LOWEST_CAPACITY_BYTES = 4096;
/** What is kept of what was given back. */
const KEPT_BYTES = 4 * 1024 * 1024;
/**
 * What requests may hold at the same time. A backend that finishes later may have
 * a whole ring of them under way, as large as the guest likes.
 */
const LIMIT_BYTES = 16 * 1024 * 1024;

/** Lends memory and takes it back. */
export class ResultMemory {
  readonly #kept: Region[] = [];
  #keptBytes = 0;
  #lentBytes = 0;

  /**
   * At least `lengthBytes` bytes of any content; undefined where too much is lent
   * already. Alone a request gets as much as it needs.
   */
  take(lengthBytes: number): Region | undefined {
    const index = this.#kept.findIndex((one) => one.lengthBytes >= lengthBytes);
    const kept = this.#kept[index];
    const capacity = kept?.lengthBytes ?? capacityFor(lengthBytes);
    if (this.#lentBytes > 0 && this.#lentBytes + capacity > LIMIT_BYTES) {
      return undefined;
    }
    this.#lentBytes += capacity;
    if (!kept) return new Region(new Uint8Array(new ArrayBuffer(capacity)));
    this.#kept.splice(index, 1);
    this.#keptBytes -= capacity;
    return kept;
  }

  /** Takes memory back, of which `usedBytes` bytes may hold a guest's data. */
  give(memory: Region, usedBytes: number): void {
    memory.bytes.fill(0, 0, usedBytes);
    this.#lentBytes -= memory.lengthBytes;
    if (this.#keptBytes + memory.lengthBytes > KEPT_BYTES) return;
    this.#keptBytes += memory.lengthBytes;
    this.#kept.push(memory);
  }
}

function capacityFor(lengthBytes: number): number {
  let capacity = LOWEST_CAPACITY_BYTES;
  while (capacity < lengthBytes) capacity *= 2;
  return capacity;
}
