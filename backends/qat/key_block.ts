/**
 * Pinned memory of a key whose address the library has while requests are in
 * flight: it outlives its session until the last of them is over.
 *
 * @module
 */

import { CPA } from "../../ffi/qat_layout.ts";
import type { PinnedBlock, Usdm } from "../../ffi/usdm.ts";

export class KeyBlock {
  readonly #usdm: Usdm;
  readonly #block: PinnedBlock;
  #inFlight = 0;
  #isClosed = false;

  constructor(usdm: Usdm, lengthBytes: number) {
    this.#usdm = usdm;
    this.#block = usdm.allocate(lengthBytes);
  }

  get bytes(): PinnedBlock["bytes"] {
    return this.#block.bytes;
  }

  get view(): PinnedBlock["view"] {
    return this.#block.view;
  }

  get address(): number {
    return this.#block.address;
  }

  /** Notes what the library answered to a request that names the key. */
  submitted(cpaStatus: number): void {
    if (cpaStatus === CPA.CPA_STATUS_SUCCESS) this.#inFlight++;
  }

  /** A request is over, with a result or without. */
  over(): void {
    this.#inFlight--;
    this.#freeUnused();
  }

  close(): void {
    this.#isClosed = true;
    this.#freeUnused();
  }

  #freeUnused(): void {
    if (this.#isClosed && this.#inFlight === 0) this.#usdm.free(this.#block);
  }
}
