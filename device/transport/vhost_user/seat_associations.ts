/**
 * The security associations of a guest on one queue thread. What their packets
 * change is in memory that all threads share.
 *
 * @module
 */

import { type HeldAssociation, holdAgain } from "../../association_objects.ts";
import type { WordsPlace } from "../../association_store.ts";
import type { AssociationTable } from "../../ipsec_requests.ts";
import { takeBytes } from "../../session/announcement_memory.ts";
import { ASSOCIATION_BYTES } from "../../wire/ipsec_readings.ts";
import type { TellAssociation } from "./thread_messages.ts";
import { openWords } from "./words_place.ts";

type Table = (HeldAssociation | undefined)[];

/** Associations by number, as they have been announced. */
export class SeatAssociations implements AssociationTable {
  readonly ivCounter: BigUint64Array;
  readonly #outbound: Table = [];
  readonly #inbound: Table = [];

  constructor(ivCounter: WordsPlace) {
    this.ivCounter = openWords(ivCounter);
  }

  find(isOutbound: boolean, id: number): HeldAssociation | undefined {
    return this.#table(isOutbound)[id];
  }

  #table(isOutbound: boolean): Table {
    return isOutbound ? this.#outbound : this.#inbound;
  }

  /** Learns of an association, or that it is another. */
  set({ isOutbound, id, sessionId, object, place }: TellAssociation): void {
    const bytes = takeBytes(object, ASSOCIATION_BYTES);
    const words = openWords(place);
    const held = holdAgain(bytes, isOutbound, sessionId, words);
    bytes.fill(0);
    this.remove({ isOutbound, id });
    this.#table(isOutbound)[id] = held;
  }

  /** Forgets one. */
  remove({ isOutbound, id }: { isOutbound: boolean; id: number }): void {
    const table = this.#table(isOutbound);
    table[id]?.association.salt.fill(0);
    table[id] = undefined;
  }

  /** Forgets all. */
  clear(): void {
    for (const isOutbound of [true, false]) {
      for (const id of this.#table(isOutbound).keys()) {
        this.remove({ isOutbound, id });
      }
    }
  }
}
