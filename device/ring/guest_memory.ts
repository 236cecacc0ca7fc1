/**
 * The guest's memory as the device sees it: which bytes stand behind a guest
 * address.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import type { Segments } from "../../memory/segments.ts";

/** One stretch of guest memory; `region` starts at `guestAddress`. */
export interface GuestRegion {
  readonly guestAddress: number;
  /** Where the vhost-user front-end has it in its own address space. */
  readonly userAddress: number;
  readonly lengthBytes: number;
  readonly region: Region;
}

/** A place in one region. */
export interface Location {
  readonly region: Region;
  readonly offset: number;
}

/** Most regions of a map, as vhost-user's memory slots have it. */
export const MAX_GUEST_REGIONS = 509;

/**
 * A map of guest memory. Addresses are numbers: those from 2^53 up are never
 * mapped, so rounding above that cannot reach a region.
 */
export class GuestMemory {
  /** What `findPlace` found last. */
  placeRegion: Region | undefined;
  placeOffset = 0;
  /** Ascending by guest address, without overlap. */
  readonly #regions: GuestRegion[] = [];
  #hitStart = 0;
  #hitEnd = 0;
  #hit: Region | undefined;

  get regions(): readonly GuestRegion[] {
    return this.#regions;
  }

  /** Adds a region; returns what is wrong with it, or undefined. */
  add(added: GuestRegion): string | undefined {
    const problem = regionProblem(added);
    if (problem !== undefined) return problem;
    if (this.#regions.length >= MAX_GUEST_REGIONS) {
      return `more than ${MAX_GUEST_REGIONS} memory regions`;
    }
    const index = this.#countUpTo(added.guestAddress);
    const below = this.#regions[index - 1];
    const above = this.#regions[index];
    if (
      (below && below.guestAddress + below.lengthBytes > added.guestAddress) ||
      (above && added.guestAddress + added.lengthBytes > above.guestAddress)
    ) {
      return `memory region at guest address ${hex(added.guestAddress)}, ` +
        `length ${hex(added.lengthBytes)}, overlaps another`;
    }
    this.#regions.splice(index, 0, added);
    return undefined;
  }

  /**
   * Removes and returns the region with exactly these bounds. Virtqueues made
   * before keep their views: the caller stops them first.
   */
  remove(
    guestAddress: number,
    userAddress: number,
    lengthBytes: number,
  ): GuestRegion | undefined {
    const index = this.#regions.findIndex((region) =>
      region.guestAddress === guestAddress &&
      region.userAddress === userAddress && region.lengthBytes === lengthBytes
    );
    if (index < 0) return undefined;
    this.#forget();
    return this.#regions.splice(index, 1)[0];
  }

  /** Removes all regions. */
  clear(): void {
    this.#forget();
    this.#regions.length = 0;
  }

  /**
   * Appends the bytes at `guestAddress` to `into`, across adjacent regions.
   * False when any byte is outside; `into` may then hold a part of them.
   */
  translate(
    guestAddress: number,
    lengthBytes: number,
    into: Segments,
  ): boolean {
    const offset = guestAddress - this.#hitStart;
    // Not guestAddress + lengthBytes: that sum may be past 2^53.
    if (offset >= 0 && lengthBytes <= this.#hitEnd - guestAddress) {
      into.append(this.#hit!, offset, lengthBytes);
      return true;
    }
    return this.#translatePieces(guestAddress, lengthBytes, into);
  }

  /** Where a range is that must lie in one region, as ring areas must. */
  locate(guestAddress: number, lengthBytes: number): Location | undefined {
    if (!this.findPlace(guestAddress, lengthBytes)) return undefined;
    return { region: this.placeRegion!, offset: this.placeOffset };
  }

  /** `locate` without an object: true leaves the answer in `place…`. */
  findPlace(guestAddress: number, lengthBytes: number): boolean {
    if (
      (guestAddress < this.#hitStart || guestAddress >= this.#hitEnd) &&
      !this.#find(guestAddress)
    ) return false;
    if (!(lengthBytes <= this.#hitEnd - guestAddress)) return false;
    this.placeRegion = this.#hit;
    this.placeOffset = guestAddress - this.#hitStart;
    return true;
  }

  /** The guest address of an address of the vhost-user front-end. */
  userToGuest(userAddress: number): number | undefined {
    for (const region of this.#regions) {
      const offset = userAddress - region.userAddress;
      if (offset >= 0 && offset < region.lengthBytes) {
        return region.guestAddress + offset;
      }
    }
    return undefined;
  }

  #translatePieces(
    guestAddress: number,
    lengthBytes: number,
    into: Segments,
  ): boolean {
    let at = guestAddress;
    let left = lengthBytes;
    while (left > 0) {
      if (!this.#find(at)) return false;
      const taken = Math.min(left, this.#hitEnd - at);
      into.append(this.#hit!, at - this.#hitStart, taken);
      at += taken;
      left -= taken;
    }
    return true;
  }

  /** Makes the region that holds the address the one hit last. */
  #find(address: number): boolean {
    const found = this.#regions[this.#countUpTo(address) - 1];
    if (!found) return false;
    const end = found.guestAddress + found.lengthBytes;
    if (!(address < end)) return false;
    this.#hitStart = found.guestAddress;
    this.#hitEnd = end;
    this.#hit = found.region;
    return true;
  }

  /** How many regions start at or below the address. */
  #countUpTo(address: number): number {
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#regions[middle]!.guestAddress <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forget(): void {
    this.#hitStart = 0;
    this.#hitEnd = 0;
    this.#hit = undefined;
    this.placeRegion = undefined;
  }
}

function regionProblem(region: GuestRegion): string | undefined {
  const { guestAddress, userAddress, lengthBytes } = region;
  if (
    !isExactRange(guestAddress, lengthBytes) ||
    !isExactRange(userAddress, lengthBytes)
  ) {
    return `memory region at guest address ${hex(guestAddress)}, ` +
      `user address ${hex(userAddress)}, length ${hex(lengthBytes)}, ` +
      `is empty or ends past 2^53`;
  }
  if (lengthBytes > region.region.lengthBytes) {
    return `memory region of ${hex(lengthBytes)} bytes has only ` +
      `${hex(region.region.lengthBytes)} mapped`;
  }
  return undefined;
}

function isExactRange(start: number, lengthBytes: number): boolean {
  return Number.isSafeInteger(start) && start >= 0 &&
    Number.isSafeInteger(lengthBytes) && lengthBytes > 0 &&
    Number.isSafeInteger(start + lengthBytes);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
