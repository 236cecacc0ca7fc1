/**
 * Memory that driver and device share, as requests use it.
 *
 * @module
 */

import type { Region } from "../memory/region.ts";
import { FARTHEST_END, Segments } from "../memory/segments.ts";
import { MemoryAllocator } from "./memory_allocator.ts";
import type { GuestBuffer } from "./rings/driver_queue.ts";

/** Lengths of the pieces that a stretch of `lengthBytes` is cut into. */
export type SplitBuffers = (lengthBytes: number) => readonly number[];

/** A string of bytes that a request needs. */
export interface Stretch {
  readonly lengthBytes: number;
  /** Position within it that should lie at a multiple of 64. */
  readonly alignedAt?: number;
  /** Never cut: the device is told a single address. */
  readonly whole?: boolean;
}

/** One string of bytes in shared memory, in one piece or in several. */
export interface SharedBytes {
  readonly segments: Segments;
  /** The same as the device is told. */
  readonly buffers: readonly GuestBuffer[];
  /** Offsets to give back. */
  readonly allocations: readonly number[];
}

const ALIGNMENT_BYTES = 64;

/** Hands out shared memory and waits while there is none. */
export class SharedMemory {
  readonly region: Region;
  readonly guestAddress: number;
  readonly #allocator: MemoryAllocator;
  readonly #split: SplitBuffers | undefined;
  /** Who waits for memory, oldest first. */
  readonly #waiting: (() => void)[] = [];
  /** Stretches that will come back. */
  #outstanding = 0;

  constructor(region: Region, guestAddress: number, split?: SplitBuffers) {
    this.region = region;
    this.guestAddress = guestAddress;
    // Segments reach no farther.
    const usableBytes = Math.min(region.lengthBytes, FARTHEST_END);
    this.#allocator = new MemoryAllocator(usableBytes);
    this.#split = split;
  }

  /** Whether the link is closed, so that there are no bytes any more. */
  get isGone(): boolean {
    return this.region.bytes.length === 0;
  }

  get freeBytes(): number {
    return this.#allocator.freeBytes;
  }

  /** Offset of `lengthBytes` bytes that stay with the driver. */
  reserve(lengthBytes: number): number {
    return this.#allocator.allocate(lengthBytes);
  }

  /**
   * Memory for all `stretches`, as soon as there is room for them.
   *
   * @throws RangeError when there can be none
   */
  async allocate(stretches: readonly Stretch[]): Promise<SharedBytes[]> {
    const atOnce = this.allocateAtOnce(stretches);
    if (atOnce) return atOnce;
    let resume: "push" | "unshift" = "push";
    while (this.#outstanding > 0) {
      await new Promise<void>((resolve) => this.#waiting[resume](resolve));
      const all = this.tryAllocate(stretches);
      if (all) {
        this.#resumeOne();
        return all;
      }
      // The oldest stays the first.
      resume = "unshift";
    }
    this.#resumeOne();
    throw this.#noRoom(stretches);
  }

  /** Memory for all `stretches` where nobody has to wait for it. */
  allocateAtOnce(stretches: readonly Stretch[]): SharedBytes[] | undefined {
    return this.#waiting.length === 0 ? this.tryAllocate(stretches) : undefined;
  }

  /** Memory for all `stretches` or for none. */
  tryAllocate(stretches: readonly Stretch[]): SharedBytes[] | undefined {
    const all: SharedBytes[] = [];
    for (const stretch of stretches) {
      const bytes = stretch.whole || !this.#split
        ? this.#tryWhole(stretch)
        : this.#tryPieces(this.#split(stretch.lengthBytes));
      if (!bytes) {
        for (const earlier of all) this.free(earlier);
        return undefined;
      }
      this.#outstanding++;
      all.push(bytes);
    }
    return all;
  }

  /** Like `tryAllocate` for one stretch that must fit now. */
  allocateNow(stretches: readonly Stretch[]): SharedBytes[] {
    const all = this.tryAllocate(stretches);
    if (all) return all;
    throw this.#noRoom(stretches);
  }

  free(bytes: SharedBytes): void {
    this.#outstanding--;
    for (const offset of bytes.allocations) this.#allocator.free(offset);
    this.#resumeOne();
  }

  #resumeOne(): void {
    this.#waiting.shift()?.();
  }

  #tryWhole(stretch: Stretch): SharedBytes | undefined {
    const lead = (stretch.alignedAt ?? 0) % ALIGNMENT_BYTES;
    const pad = lead === 0 ? 0 : ALIGNMENT_BYTES - lead;
    const allocation = this.#allocator.tryAllocate(
      pad + stretch.lengthBytes,
      ALIGNMENT_BYTES,
    );
    if (allocation < 0) return undefined;
    const segments = new Segments();
    segments.append(this.region, allocation + pad, stretch.lengthBytes);
    return {
      segments,
      buffers: [{
        guestAddress: this.guestAddress + allocation + pad,
        lengthBytes: stretch.lengthBytes,
      }],
      allocations: [allocation],
    };
  }

  /** Pieces at odd places that do not touch each other. */
  #tryPieces(lengths: readonly number[]): SharedBytes | undefined {
    const segments = new Segments();
    const buffers: GuestBuffer[] = [];
    const allocations: number[] = [];
    for (const lengthBytes of lengths) {
      const offset = this.#allocator.tryAllocate(lengthBytes + 2, 1);
      if (offset < 0) {
        for (const earlier of allocations) this.#allocator.free(earlier);
        return undefined;
      }
      allocations.push(offset);
      segments.append(this.region, offset + 1, lengthBytes);
      buffers.push({
        guestAddress: this.guestAddress + offset + 1,
        lengthBytes,
      });
    }
    return { segments, buffers, allocations };
  }

  #noRoom(stretches: readonly Stretch[]): RangeError {
    const wanted = stretches.reduce((sum, one) => sum + one.lengthBytes, 0);
    return new RangeError(
      `Cannot place a request of ${wanted} bytes: ${this.freeBytes} of ` +
        `${this.region.lengthBytes} bytes of shared memory are free`,
    );
  }
}
