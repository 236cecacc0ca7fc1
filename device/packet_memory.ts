/**
 * Memory for packets of the IPSEC service. Usual ones have a place of their own for
 * each slot of the ring, many in one region, so that backends see the same few
 * regions again and again; longer ones are lent a region each.
 *
 * @module
 */

import { Region } from "../memory/region.ts";
import { ResultMemory } from "./result_memory.ts";

/** A packet of 1500 bytes, and what is around it. */
const PLACE_BYTES = 2048;
const PLACES = 64;
/** Regions of usual places come before those of longer packets. */
const FIRST_LENT_REGION = 512;

/** Where a packet lies. */
export interface PacketPlace {
  /** The bytes of this place alone. */
  readonly memory: Region;
  /** The region that backends see, its number, and where in it the place begins. */
  readonly region: Region;
  readonly regionNumber: number;
  readonly start: number;
}

/** Hands out places, one for each slot at a time. */
export class PacketMemory {
  readonly #lent = new ResultMemory();
  readonly #places: (PacketPlace | undefined)[] = [];
  readonly #regions: (Region | undefined)[] = [];

  /** At least `lengthBytes` bytes; undefined where too much is lent already. */
  take(slot: number, lengthBytes: number): PacketPlace | undefined {
    if (lengthBytes <= PLACE_BYTES && slot < PLACES * FIRST_LENT_REGION) {
      return this.#places[slot] ??= this.#makePlace(slot);
    }
    const region = this.#lent.take(lengthBytes);
    return region && {
      memory: region,
      region,
      regionNumber: FIRST_LENT_REGION + slot,
      start: 0,
    };
  }

  #makePlace(slot: number): PacketPlace {
    const regionNumber = Math.floor(slot / PLACES);
    const region = this.#regions[regionNumber] ??= new Region(
      new Uint8Array(new ArrayBuffer(PLACES * PLACE_BYTES)),
    );
    const start = PLACE_BYTES * (slot % PLACES);
    const memory = region.part(start, PLACE_BYTES);
    return { memory, region, regionNumber, start };
  }

  /**
   * Takes a place back, of which `usedBytes` bytes may hold something: of a usual
   * one until the same guest's next packet is there.
   */
  give({ memory, region }: PacketPlace, usedBytes: number): void {
    if (memory === region) this.#lent.give(region, usedBytes);
  }
}
