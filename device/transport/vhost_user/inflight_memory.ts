/**
 * The in-flight region of a front-end that connects again by itself: memory that
 * this back-end makes, and that the front-end keeps and shares with whatever
 * process comes next.
 *
 * @module
 */

import { regionAt } from "../../../ffi/libc.ts";
import { closeForeign } from "../../../ffi/libc_foreign.ts";
import { sealSize } from "../../../ffi/libc_seals.ts";
import {
  INFLIGHT_ALIGNMENT_BYTES,
  inflightFields,
  inflightPartBytes,
  isWritten,
} from "../../ring/inflight_part.ts";
import { MAX_RING_SIZE } from "../../ring/layout.ts";
import {
  type KeptInflight,
  type KeptNumber,
  MAX_RINGS,
} from "./front_end_record.ts";
import {
  type FileMappingOptions,
  filePartProblem,
  mapFilePart,
  type MappedFile,
  type MappedPlace,
  unmapFile,
} from "./mapped_file.ts";
import type { InflightDescription } from "./payloads.ts";

/** What a region is mapped with. */
export interface InflightOptions extends FileMappingOptions {
  /** Has a descriptor kept, where the guest is; its number. */
  keep(fd: number): KeptNumber;
  /** The number of a descriptor at the keeper. */
  numberOf(fd: number): KeptNumber;
  /** Hears that the region is gone. */
  lost(reason: string): void;
}

interface Region extends KeptInflight, MappedFile {}

/** The part of a ring for the calling thread. */
export const inflightAt = (
  { address, lengthBytes }: MappedPlace,
): Uint8Array<ArrayBuffer> => regionAt(address, lengthBytes).bytes;

/** The region of one front-end. */
export class InflightMemory {
  /** The descriptor of what was offered last; -1: nothing was. */
  offered = -1;
  readonly #options: InflightOptions;
  #region: Region | undefined;
  /** Rings whose part another process has written, and this one has not. */
  readonly #left = new Set<number>();
  /** Those that this one has served: where they go on, their front-end knows. */
  readonly #own = new Set<number>();

  constructor(options: InflightOptions) {
    this.#options = options;
  }

  /** What the next process has to know of it. */
  get kept(): KeptInflight | undefined {
    return this.#region;
  }

  /** The number of what was offered last. */
  get offeredNumber(): KeptNumber {
    return this.#options.numberOf(this.offered);
  }

  /** Makes a region for the front-end; a string says why there can be none. */
  offer(
    { queues, queueSize }: InflightDescription,
    packed: boolean,
  ): InflightDescription | string {
    const problem = sizeProblem(queues, queueSize);
    if (problem !== undefined) return problem;
    const { libc, keep } = this.#options;
    const lengthBytes = queues * inflightPartBytes(queueSize, packed);
    const fd = libc.memfdCreate("inflight", lengthBytes);
    if (fd < 0) return libc.describe(fd);
    sealSize(libc, fd);
    this.#dropOffered();
    this.offered = fd;
    keep(fd);
    return { lengthBytes, fileOffset: 0, queues, queueSize };
  }

  /**
   * Uses a region from now on; no ring may run. A string says what is wrong with
   * it. `fd` stays the caller's.
   */
  use(
    description: InflightDescription,
    fd: number,
    packed: boolean,
  ): string | undefined {
    const region = this.#map(description, fd, packed);
    if (typeof region === "string") return region;
    const left = new Set(this.#left);
    this.close();
    this.#region = region;
    for (let ring = 0; ring < region.queues; ring++) {
      if (this.#own.has(ring) && !left.has(ring)) continue;
      const place = this.placeOf(ring, 0, packed)!;
      const isLeft = isWritten(inflightFields(inflightAt(place)));
      if (isLeft) this.#left.add(ring);
    }
    return undefined;
  }

  /**
   * Goes on with what the process before has used and what it has offered last; a
   * string says what is wrong with the one. `descriptorOf` gives descriptors away.
   */
  resume(
    used: KeptInflight | undefined,
    offered: KeptNumber,
    descriptorOf: (number: KeptNumber) => number,
  ): string | undefined {
    let problem: string | undefined;
    if (used) {
      const fd = descriptorOf(used.file);
      problem = this.use(used, fd, used.packed);
      if (fd >= 0) closeForeign(this.#options.libc, fd);
    }
    this.offered = descriptorOf(offered);
    return problem;
  }

  /** Where a ring of `size` is tracked; undefined: nowhere. */
  placeOf(
    ring: number,
    size: number,
    packed: boolean,
  ): MappedPlace | undefined {
    const region = this.#region;
    if (
      !region || ring >= region.queues || size > region.queueSize ||
      packed !== region.packed
    ) return undefined;
    const lengthBytes = inflightPartBytes(region.queueSize, packed);
    const address = region.mapping.address + ring * lengthBytes;
    return { address, lengthBytes };
  }

  /** Entries of each part. */
  get queueSize(): number {
    return this.#region?.queueSize ?? 0;
  }

  /** Whether another process has left requests of a ring, or may have. */
  isLeft(ring: number): boolean {
    return this.#left.has(ring);
  }

  /** A ring is this process's from now on. */
  taken(ring: number): void {
    this.#left.delete(ring);
    this.#own.add(ring);
  }

  /** Requests of a ring that this process has are left once more. */
  leave(ring: number): void {
    this.#left.add(ring);
  }

  /** What was left is a driver's that is no more. */
  forget(): void {
    this.#left.clear();
  }

  /** The same for another front-end device, of which this process had nothing. */
  renew(): void {
    this.close();
    this.#own.clear();
  }

  /** Gives the region back; no thread may have a view of it. */
  close(): void {
    if (this.#region) unmapFile(this.#options.libc, this.#region);
    this.#region = undefined;
    this.#left.clear();
    this.#dropOffered();
  }

  #dropOffered(): void {
    if (this.offered >= 0) closeForeign(this.#options.libc, this.offered);
    this.offered = -1;
  }

  #map(
    description: InflightDescription,
    fd: number,
    packed: boolean,
  ): Region | string {
    const { lengthBytes, fileOffset, queues, queueSize } = description;
    const problem = sizeProblem(queues, queueSize);
    if (problem !== undefined) return problem;
    const neededBytes = queues * inflightPartBytes(queueSize, packed);
    const name = `an in-flight region of ${lengthBytes} bytes`;
    if (!(lengthBytes >= neededBytes)) {
      return `${name}, expected at least ${neededBytes}`;
    }
    if (fileOffset % INFLIGHT_ALIGNMENT_BYTES !== 0) {
      return `${name} at file offset ${fileOffset}`;
    }
    const { libc, numberOf, lost } = this.#options;
    const gone = "the in-flight region is gone: its file was shortened";
    const mapped = filePartProblem(libc, name, fd, description) ??
      mapFilePart(
        this.#options,
        name,
        fd,
        { fileOffset, lengthBytes: neededBytes },
        () => lost(gone),
      );
    if (typeof mapped === "string") return mapped;
    return { ...description, ...mapped, packed, file: numberOf(fd) };
  }
}

function sizeProblem(queues: number, queueSize: number): string | undefined {
  return queues > 0 && queues <= MAX_RINGS && queueSize > 0 &&
      queueSize <= MAX_RING_SIZE
    ? undefined
    : `${queues} queues of ${queueSize} descriptors`;
}
