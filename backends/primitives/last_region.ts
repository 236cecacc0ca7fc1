/**
 * A region over memory that is used again and again.
 *
 * @module
 */

import { Region } from "../../memory/region.ts";
import type { Bytes } from "./primitives.ts";

/** Keeps the region of what it was asked for last. */
export class LastRegion {
  #region = new Region(new Uint8Array(new ArrayBuffer(0)));

  of(bytes: Bytes): Region {
    if (bytes !== this.#region.bytes) this.#region = new Region(bytes);
    return this.#region;
  }
}
