/**
 * The guest's memory as a front-end shares it: files, mapped.
 *
 * A region past the end of its file is refused. A front-end that shrinks the
 * file afterwards loses its connection ({@linkcode MemoryGuard}); the guest
 * itself cannot do that.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import { isSealedAgainstShrinking } from "../../../ffi/libc_seals.ts";
import { GuestMemory, MAX_GUEST_REGIONS } from "../../ring/guest_memory.ts";
import type { KeptNumber, KeptRegion } from "./front_end_record.ts";
import type { Log } from "./log.ts";
import { logAt } from "./log_memory.ts";
import {
  type FileMappingOptions,
  filePartProblem,
  hex,
  mapFilePart,
  type MappedFile,
  type MappedPlace,
  unmapFile,
} from "./mapped_file.ts";
import type { MemoryGuard } from "./memory_guard.ts";
import type { RegionDescription } from "./payloads.ts";
import type { AddressRange } from "./ring_place.ts";

/** A mapped region; structured-cloneable, valid in every thread. */
export interface MemoryRange extends MappedPlace {
  readonly guestAddress: number;
  readonly userAddress: number;
}

interface Entry extends MemoryRange, MappedFile {
  readonly fileOffset: number;
  /** Number of its file at the keeper. */
  readonly file: KeptNumber;
}

/** What a memory table is made with. */
export interface MemoryTableOptions extends FileMappingOptions {
  readonly memoryGuard: Pick<MemoryGuard, "cover" | "unsealedMemory">;
  /** Most that may be mapped; undefined: as much as is shared. */
  readonly maximumMemoryBytes?: number | undefined;
  readonly log: Log;
  /** The number of a descriptor at the keeper. */
  numberOf(fd: number): KeptNumber;
  /** Hears that a page of a region is gone, and with it the region. */
  lost(reason: string): void;
}

const SEALED = "sealed against shrinking";
const GONE = "is gone: its file was shortened, or the host had no page for it";

/** What other threads are told of an entry. */
const rangeOf = (
  { guestAddress, userAddress, lengthBytes, address }: MemoryRange,
): MemoryRange => ({ guestAddress, userAddress, lengthBytes, address });

/** Adds a mapped range for the calling thread; returns what is wrong. */
export function addRange(
  memory: GuestMemory,
  { guestAddress, userAddress, lengthBytes, address }: MemoryRange,
): string | undefined {
  const region = regionAt(address, lengthBytes);
  return memory.add({ guestAddress, userAddress, lengthBytes, region });
}

/**
 * The guest memory of `ranges` for the calling thread, which is logged at `log`, or
 * what is wrong.
 */
export function guestMemoryOf(
  ranges: readonly MemoryRange[],
  log: MappedPlace | undefined,
): GuestMemory | string {
  const memory = new GuestMemory();
  memory.log = logAt(log);
  for (const range of ranges) {
    const problem = addRange(memory, range);
    if (problem !== undefined) return problem;
  }
  return memory;
}

/** The regions of one front-end. */
export class MemoryTable {
  /** The current map for the main thread; what takes of it makes a new one. */
  memory = new GuestMemory();
  readonly #options: MemoryTableOptions;
  #entries: Entry[] = [];
  /** What has been taken out of the map, newest last. */
  #removed: readonly MemoryRange[] = [];
  readonly #retired: Entry[] = [];
  #log: MappedPlace | undefined;

  constructor(options: MemoryTableOptions) {
    this.#options = options;
  }

  /** The current map for other threads. */
  get ranges(): MemoryRange[] {
    return this.#entries.map(rangeOf);
  }

  /** The current map for the next process. */
  get kept(): KeptRegion[] {
    return this.#entries.map((
      { guestAddress, userAddress, lengthBytes, fileOffset, file },
    ) => ({ guestAddress, userAddress, lengthBytes, fileOffset, file }));
  }

  /** Where everybody marks what is written; undefined: nowhere. */
  get log(): MappedPlace | undefined {
    return this.#log;
  }

  /** What has the old one goes on with it until it changes its memory. */
  set log(log: MappedPlace | undefined) {
    this.#log = log;
    this.memory.log = logAt(log);
  }

  /** The lowest guest address with no memory from there on. */
  get end(): number {
    return this.#entries.reduce(
      (end, { guestAddress, lengthBytes }) =>
        Math.max(end, guestAddress + lengthBytes),
      0,
    );
  }

  get totalBytes(): number {
    return this.#entries.reduce((sum, entry) => sum + entry.lengthBytes, 0);
  }

  /**
   * Replaces all regions; `fds[i]` holds `regions[i]` and stays the caller's.
   * Returns what is wrong; then nothing has changed.
   */
  replace(
    regions: readonly RegionDescription[],
    fds: readonly number[],
  ): string | undefined {
    const added: Entry[] = [];
    for (const [i, region] of regions.entries()) {
      const entry = this.#map(region, fds[i]!);
      if (typeof entry === "string") {
        for (const one of added) unmapFile(this.#options.libc, one);
        return entry;
      }
      added.push(entry);
    }
    return this.#become(added, added, this.#entries);
  }

  /** What was added last, for other threads to add. */
  get newest(): MemoryRange {
    return rangeOf(this.#entries.at(-1)!);
  }

  /**
   * Adds a region to the map, which is no other for it. Returns what is wrong;
   * then nothing has changed.
   */
  add(region: RegionDescription, fd: number): string | undefined {
    if (this.#entries.length >= MAX_GUEST_REGIONS) {
      return `more than ${MAX_GUEST_REGIONS} memory regions`;
    }
    const entry = this.#map(region, fd);
    if (typeof entry === "string") return entry;
    const problem = this.#excess([...this.#entries, entry]) ??
      addRange(this.memory, entry);
    if (problem !== undefined) {
      unmapFile(this.#options.libc, entry);
      return problem;
    }
    this.#entries.push(entry);
    return undefined;
  }

  /** Removes a region; its file offset is ignored, as the protocol says. */
  remove(region: RegionDescription): string | undefined {
    const removed = this.#entries.find((entry) =>
      entry.guestAddress === region.guestAddress &&
      entry.userAddress === region.userAddress &&
      entry.lengthBytes === region.lengthBytes
    );
    if (!removed) {
      return `no memory region at guest address ${hex(region.guestAddress)}`;
    }
    const kept = this.#entries.filter((entry) => entry !== removed);
    return this.#become(kept, [], [removed]);
  }

  /** Takes all regions out of the map, for good. */
  clear(): void {
    this.#become([], [], this.#entries);
    this.#removed = [];
  }

  /** Whether any of a range of the front-end was shared and taken back. */
  wasShared({ address, lengthBytes }: AddressRange): boolean {
    return this.#removed.some((range) =>
      address < range.userAddress + range.lengthBytes &&
      range.userAddress < address + lengthBytes
    );
  }

  /** Unmaps what the map no longer has; no thread may still have a view of it. */
  unmapRetired(): void {
    for (const one of this.#retired) unmapFile(this.#options.libc, one);
    this.#retired.length = 0;
  }

  /** Makes `entries` the map, unless they cannot be one. */
  #become(
    entries: Entry[],
    added: readonly Entry[],
    removed: readonly Entry[],
  ): string | undefined {
    const memory = this.#excess(entries) ??
      guestMemoryOf(entries, this.#log);
    if (typeof memory === "string") {
      for (const one of added) unmapFile(this.#options.libc, one);
      return memory;
    }
    this.#retired.push(...removed);
    this.#removed = [...this.#removed, ...removed].slice(-MAX_GUEST_REGIONS);
    this.#entries = entries;
    this.memory = memory;
    return undefined;
  }

  /** Says where `entries` are more than may be mapped. */
  #excess(entries: readonly Entry[]): string | undefined {
    const maximum = this.#options.maximumMemoryBytes ?? Infinity;
    const bytes = entries.reduce(
      (sum, { mapping }) => sum + mapping.mappedBytes,
      0,
    );
    return bytes > maximum
      ? `memory of ${bytes} bytes: expected at most ${maximum}`
      : undefined;
  }

  #map(region: RegionDescription, fd: number): Entry | string {
    const { guestAddress, fileOffset } = region;
    const name = `memory region at guest address ${hex(guestAddress)}`;
    const { libc, lost, numberOf } = this.#options;
    const mapped = filePartProblem(libc, name, fd, region) ??
      this.#unsealed(name, fd) ??
      mapFilePart(
        this.#options,
        name,
        fd,
        region,
        () => lost(`${name} ${GONE}`),
      );
    if (typeof mapped === "string") return mapped;
    const { address } = mapped.mapping;
    const file = numberOf(fd);
    return { ...rangeOf({ ...region, address }), ...mapped, fileOffset, file };
  }

  /** Why memory whose owner can shorten it is refused, where it is. */
  #unsealed(name: string, fd: number): string | undefined {
    const { libc, memoryGuard, log } = this.#options;
    const isSealed = isSealedAgainstShrinking(libc, fd);
    log("debug", `${name} ${isSealed ? "is" : "is not"} ${SEALED}`);
    return !isSealed && memoryGuard.unsealedMemory === "refuse"
      ? `${name} is not ${SEALED}`
      : undefined;
  }
}
