/**
 * Which requests of a burst must run by themselves, since their outputs overlap
 * what they must not.
 *
 * @module
 */

import { OverlapCheck } from "../backends/overlap.ts";
import { BurstField, type RequestBurst } from "../backends/request_burst.ts";
import { Segments } from "../memory/segments.ts";

/** Looks at the lists of requests. */
export class BurstOverlaps {
  readonly #burst: RequestBurst;
  readonly #check = new OverlapCheck();
  readonly #none = new Segments();
  readonly #lists = {
    source: new Segments(),
    additionalData: new Segments(),
    destination: new Segments(),
    digest: new Segments(),
  };

  constructor(burst: RequestBurst) {
    this.#burst = burst;
  }

  /** Whether a request is entangled; `readsTag`: its tag is an input. */
  isEntangled(slot: number, readsTag: boolean): boolean {
    const lists = this.#lists;
    const burst = this.#burst;
    burst.show(slot, BurstField.Source, lists.source);
    burst.show(slot, BurstField.AdditionalData, lists.additionalData);
    burst.show(slot, BurstField.Destination, lists.destination);
    burst.show(slot, BurstField.Digest, lists.digest);
    return this.#check.isEntangled(lists, readsTag);
  }

  /**
   * Whether a request that has run, or begun to, may have written over what the
   * operation reads; in place, that is what it is for.
   */
  overwritesItself(slot: number, readsTag: boolean): boolean {
    if (this.isEntangled(slot, readsTag)) return true;
    const { source, destination, digest } = this.#lists;
    const asOther = { source: this.#none, additionalData: source };
    return this.#check.isEntangled(
      { ...asOther, destination, digest },
      readsTag,
    );
  }

  /** Drops the references to the lists that were looked at last. */
  release(): void {
    const { source, additionalData, destination, digest } = this.#lists;
    source.release();
    additionalData.release();
    destination.release();
    digest.release();
  }
}
