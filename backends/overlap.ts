/**
 * Operations whose memory overlaps, and how whoever calls `run` spares backends
 * from them: the results of such an operation go to memory of its own, and from
 * there to their places once all inputs have been read.
 *
 * @module
 */

import { RangeSet } from "../memory/range_set.ts";
import type { Region } from "../memory/region.ts";
import { Segments } from "../memory/segments.ts";
import { type Operation, OperationStatus } from "./backend.ts";

/** The lists of an operation. */
export type OperationLists = Pick<
  Operation,
  "source" | "additionalData" | "destination" | "digest"
>;

/** Looks for overlap; keeps the memory that this takes. */
export class OverlapCheck {
  readonly #outputs = new RangeSet();
  /** The regions met so far, by number. */
  readonly #regions: Region[] = [];

  /**
   * Whether an operation has to have results of its own: an output shares a byte
   * with an input or another output, but for a destination that is the source
   * itself. `readsTag`: it is the decryption of an AEAD, whose tag is an input.
   */
  isEntangled(operation: OperationLists, readsTag: boolean): boolean {
    const { source, additionalData, destination, digest } = operation;
    const { count } = destination;
    if ((count | source.count | additionalData.count | digest.count) > 1) {
      return this.#areListsEntangled(operation, readsTag);
    }
    if (
      count !== 0 && (
        destination.meetsRange(source) && !isSame(destination, source) ||
        destination.meetsRange(additionalData) || destination.meetsRange(digest)
      )
    ) return true;
    return digest.count !== 0 && !readsTag &&
      (digest.meetsRange(source) || digest.meetsRange(additionalData));
  }

  #areListsEntangled(operation: OperationLists, readsTag: boolean): boolean {
    const { source, additionalData, destination, digest } = operation;
    this.#outputs.clear();
    this.#add(destination);
    if (!readsTag) this.#add(digest);
    const entangled = !this.#outputs.sort() ||
      !isSame(destination, source) && this.#meets(source) ||
      this.#meets(additionalData) || readsTag && this.#meets(digest);
    this.#regions.length = 0;
    return entangled;
  }

  #add(list: Segments): void {
    for (let i = 0; i < list.count; i++) {
      const region = this.#numberOf(list.region(i));
      this.#outputs.add(region, list.offset(i), list.lengthBytes(i));
    }
  }

  #meets(list: Segments): boolean {
    for (let i = 0; i < list.count; i++) {
      const region = this.#numberOf(list.region(i));
      if (
        this.#outputs.meets(region, list.offset(i), list.lengthBytes(i))
      ) return true;
    }
    return false;
  }

  #numberOf(region: Region): number {
    const known = this.#regions.indexOf(region);
    return known >= 0 ? known : this.#regions.push(region) - 1;
  }
}

/** Whether both lists name the same bytes in the same order. */
function isSame(a: Segments, b: Segments): boolean {
  if (a.count !== b.count) return false;
  for (let i = 0; i < a.count; i++) {
    if (
      a.offset(i) !== b.offset(i) || a.lengthBytes(i) !== b.lengthBytes(i) ||
      a.region(i) !== b.region(i)
    ) return false;
  }
  return true;
}

/** Bytes of memory that an operation's own results take. */
export function resultRoomBytes(
  { destination, digest }: Operation,
  readsTag: boolean,
): number {
  return destination.totalBytes + (readsTag ? 0 : digest.totalBytes);
}

/** An operation whose results are in memory of its own. */
export class PrivateResults {
  /** Where the results are before they are copied. */
  readonly memory: Region;
  #operation: Operation;
  readonly #readsTag: boolean;
  /** The operation's places of results while it has others. */
  readonly #destination = new Segments();
  readonly #digest = new Segments();

  /** Takes the start of `memory`, which has `resultRoomBytes` bytes at least. */
  constructor(operation: Operation, memory: Region, readsTag: boolean) {
    const { destination, digest } = operation;
    this.memory = memory;
    this.#operation = operation;
    this.#readsTag = readsTag;
    this.#destination.append(memory, 0, destination.totalBytes);
    if (!readsTag) {
      this.#digest.append(memory, destination.totalBytes, digest.totalBytes);
    }
    this.#exchange();
  }

  #exchange(): void {
    const { destination, digest } = this.#operation;
    destination.exchange(this.#destination);
    if (!this.#readsTag) digest.exchange(this.#digest);
  }

  /** Goes on with another operation, which has the same lists. */
  moveTo(operation: Operation): void {
    this.#operation = operation;
  }

  /**
   * Gives the operation, which has ended, its own lists back and puts what it
   * has as a result there, from the destination's start to the digest's end.
   */
  deliver(): void {
    const { status, writtenBytes, destination, digest } = this.#operation;
    this.#exchange();
    if (status !== OperationStatus.Ok) return;
    const { bytes } = this.memory;
    destination.write(0, bytes.subarray(0, writtenBytes));
    if (this.#readsTag) return;
    const start = destination.totalBytes;
    digest.write(0, bytes.subarray(start, start + digest.totalBytes));
  }
}
