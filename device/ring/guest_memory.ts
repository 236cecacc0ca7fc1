/**
 * The guest's memory as the device sees it: which bytes stand behind a guest
 * address.
 *
 * @module
 */

import type { Region } from "../../memory/region.ts";
import type { Segments } from "../../memory/segments.ts";
import type { DirtyLog } from "./dirty_log.ts";

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
 * Windows are at most this long and never lie on both sides of a multiple of it,
 * so that offsets and lengths within one are small integers: the engine keeps
 * them in registers, where larger ones are floating-point numbers, which makes a
 * request a third slower.
 */
const WINDOW_BYTES = 2 ** 30;
/** Stretches whose windows are found without a search: 256 GiB. */
const DIRECT_STRETCHES = 256;
const TWO_TO_32 = 2 ** 32;

/** A part of a region, as long as a window may be. */
interface Window {
  /** Its number, by which ranges name it. */
  readonly place: number;
  readonly guestAddress: number;
  readonly lengthBytes: number;
  readonly region: Region;
}

/**
 * A map of guest memory. Addresses are numbers: those from 2^53 up are never
 * mapped, so rounding above that cannot reach a region.
 */
export class GuestMemory {
  /** Where what is written is marked; absent: nobody wants to know. */
  log: DirtyLog | undefined;
  /** The window that `find` found last: its place in `table`, … */
  hit = 0;
  /** … the two words of its guest address, and its length. */
  hitLow = 0;
  hitHigh = 0;
  hitBytes = 0;
  /** Ascending by guest address, without overlap. */
  readonly #regions: GuestRegion[] = [];
  /** All regions, cut up; in the same order. */
  #windows: Window[] = [];
  /** By place. A region that is added comes last, whatever its address. */
  #table: Region[] = [];
  /** Of each place, the two words of its guest address, and its length. */
  windowLows: Int32Array<ArrayBuffer> = new Int32Array(0);
  windowHighs: Int32Array<ArrayBuffer> = new Int32Array(0);
  windowLengths: Int32Array<ArrayBuffer> = new Int32Array(0);
  /**
   * For each stretch of a window's length of the lowest addresses, the window
   * that is the only one there.
   */
  #only: (Window | undefined)[] = new Array(DIRECT_STRETCHES);

  get regions(): readonly GuestRegion[] {
    return this.#regions;
  }

  /** The regions of all windows. */
  get table(): Region[] {
    return this.#table;
  }

  /**
   * Adds a region; returns what is wrong with it, or undefined. Virtqueues over
   * this memory go on: the places of the others stay.
   */
  add(added: GuestRegion): string | undefined {
    const problem = regionProblem(added);
    if (problem !== undefined) return problem;
    if (this.#regions.length >= MAX_GUEST_REGIONS) {
      return `more than ${MAX_GUEST_REGIONS} memory regions`;
    }
    const index = countUpTo(this.#regions, added.guestAddress);
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
    this.#append(added);
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
    const [removed] = this.#regions.splice(index, 1);
    this.#cut();
    return removed;
  }

  /** Removes all regions. */
  clear(): void {
    this.#regions.length = 0;
    this.#cut();
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
    let at = guestAddress;
    let left = lengthBytes;
    while (left > 0) {
      if (!this.find(at)) return false;
      const offset = this.offsetInHit(at);
      const taken = Math.min(left, this.hitBytes - offset);
      into.append(this.#table[this.hit]!, offset, taken);
      at += taken;
      left -= taken;
    }
    return true;
  }

  /** Where a range is that must lie in one region, as ring areas must. */
  locate(guestAddress: number, lengthBytes: number): Location | undefined {
    const found = this.#regions[countUpTo(this.#regions, guestAddress) - 1];
    if (!found) return undefined;
    const offset = guestAddress - found.guestAddress;
    return lengthBytes <= found.lengthBytes - offset
      ? { region: found.region, offset }
      : undefined;
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

  /** Sets `hit…` to the window that holds the address; false where none does. */
  find(address: number): boolean {
    const found = this.#only[Math.floor(address / WINDOW_BYTES)] ??
      this.#windows[countUpTo(this.#windows, address) - 1];
    if (
      !found || address < found.guestAddress ||
      address - found.guestAddress >= found.lengthBytes
    ) return false;
    const { place } = found;
    this.hit = place;
    this.hitLow = this.windowLows[place]!;
    this.hitHigh = this.windowHighs[place]!;
    this.hitBytes = this.windowLengths[place]!;
    return true;
  }

  /** The guest address of a window, by its place. */
  addressOf(place: number): number {
    return (this.windowHighs[place]! >>> 0) * TWO_TO_32 +
      (this.windowLows[place]! >>> 0);
  }

  /** Where in the window that was found last an address of it lies. */
  offsetInHit(address: number): number {
    return ((address >>> 0) - this.hitLow) >>> 0;
  }

  /** Gives all windows places anew. */
  #cut(): void {
    this.#windows = [];
    this.#table = [];
    this.windowLows = new Int32Array(0);
    this.windowHighs = new Int32Array(0);
    this.windowLengths = new Int32Array(0);
    this.#only.fill(undefined);
    for (const region of this.#regions) this.#append(region);
    this.hitBytes = 0;
  }

  /** Gives a region's windows the next places. */
  #append(added: GuestRegion): void {
    const windows = windowsOf(added, this.#table.length);
    const numbers = (
      old: Int32Array<ArrayBuffer>,
      of: (window: Window) => number,
    ) => {
      const all = new Int32Array(old.length + windows.length);
      all.set(old);
      for (const window of windows) all[window.place] = of(window);
      return all;
    };
    const { windowLows, windowHighs, windowLengths } = this;
    this.windowLows = numbers(windowLows, (one) => one.guestAddress | 0);
    this.windowHighs = numbers(
      windowHighs,
      (one) => Math.floor(one.guestAddress / TWO_TO_32) | 0,
    );
    this.windowLengths = numbers(windowLengths, (one) => one.lengthBytes);
    // Another table, by which those who keep something of the old one notice.
    this.#table = [...this.#table, ...windows.map(({ region }) => region)];
    const index = countUpTo(this.#windows, added.guestAddress);
    this.#windows.splice(index, 0, ...windows);
    this.#noteStretches(index, windows);
  }

  /** Notes for new windows, which begin at `index`, whether they are alone. */
  #noteStretches(index: number, windows: readonly Window[]): void {
    const last = index + windows.length - 1;
    for (let at = index; at <= last; at++) {
      const stretch = stretchOf(this.#windows[at]);
      if (stretch >= DIRECT_STRETCHES) break;
      const isAlone = stretchOf(this.#windows[at - 1]) !== stretch &&
        stretchOf(this.#windows[at + 1]) !== stretch;
      this.#only[stretch] = isAlone ? this.#windows[at] : undefined;
    }
  }
}

/** Number of the stretch that a window is in. */
function stretchOf(window: Window | undefined): number {
  return window ? Math.floor(window.guestAddress / WINDOW_BYTES) : NaN;
}

/** Cuts a region at every multiple of a window's length. */
function windowsOf(
  { guestAddress, lengthBytes, region }: GuestRegion,
  firstPlace: number,
): Window[] {
  const windows: Window[] = [];
  for (let at = 0; at < lengthBytes;) {
    const start = guestAddress + at;
    const part = Math.min(
      lengthBytes - at,
      WINDOW_BYTES - start % WINDOW_BYTES,
    );
    windows.push({
      place: firstPlace + windows.length,
      guestAddress: start,
      lengthBytes: part,
      region: region.part(at, part),
    });
    at += part;
  }
  return windows;
}

/** How many of an ascending list start at or below the address. */
function countUpTo(
  list: readonly { readonly guestAddress: number }[],
  address: number,
): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.guestAddress <= address) low = middle + 1;
    else high = middle;
  }
  return low;
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
