/**
 * A guest's security associations and their log: they lie there, and the next
 * process goes on with them.
 *
 * @module
 */

import {
  type AssociationStore,
  type StoredAssociation,
  threadAssociation,
} from "../../association_store.ts";
import type { Device } from "../../device.ts";
import { STATE_WORDS } from "../../state/association_log.ts";
import type { DriverAgreement } from "../../wire/ipsec_capabilities.ts";
import type { KeptIpsec } from "./kept_ipsec.ts";
import { readLeft } from "./left_associations.ts";
import type { Log } from "./log.ts";

interface Parts {
  readonly device: Device;
  readonly log: Log;
}

/** Keeps the associations of one guest. */
export class KeptAssociations implements AssociationStore {
  readonly ivCounter: AssociationStore["ivCounter"];
  readonly #kept: KeptIpsec;
  readonly #parts: Parts;
  #isLeft = false;
  #toldFull = false;

  private constructor(kept: KeptIpsec, parts: Parts) {
    this.#kept = kept;
    this.#parts = parts;
    const counter = kept.log.ivCounter;
    this.ivCounter = { words: counter.words, place: kept.placeOf(counter) };
  }

  /** Begins with a guest without associations. */
  static begin(kept: KeptIpsec, parts: Parts): KeptAssociations {
    const store = new KeptAssociations(kept, parts);
    parts.device.associations!.keepIn(store);
    // What no driver has said anything of yet.
    parts.device.resetAdministration();
    return store;
  }

  /** Takes those of the process before; a string says why that is impossible. */
  static takeOver(kept: KeptIpsec, parts: Parts): KeptAssociations | string {
    const left = readLeft(parts.device, kept.log);
    if (typeof left === "string") return left;
    const { associations, logged, agreement } = left;
    const store = new KeptAssociations(kept, parts);
    associations.goOnIn(store);
    for (const { entry, ...one } of logged) {
      const stored = store.#stored(entry);
      const lost = associations.takeOver({ ...one, stored }, agreement);
      if (lost === undefined) continue;
      const which = one.isOutbound ? "outbound" : "inbound";
      parts.log("warn", `lost: ${which} association ${one.id}: ${lost}`);
      one.object.fill(0);
      stored.remove(0);
    }
    return store;
  }

  add(
    isOutbound: boolean,
    id: number,
    object: Uint8Array,
    count: number,
    origin: number,
  ): StoredAssociation {
    const entry = count > STATE_WORDS
      ? -1
      : this.#kept.log.add(isOutbound, id, object, origin);
    if (entry >= 0) return this.#stored(entry);
    if (!this.#toldFull) {
      this.#toldFull = true;
      const what = `association ${id} for the next process`;
      this.#parts.log("warn", `no room to keep ${what}`);
    }
    return threadAssociation(count);
  }

  #stored(entry: number): StoredAssociation {
    const { log } = this.#kept;
    const state = log.stateOf(entry);
    return {
      words: state.words,
      place: this.#kept.placeOf(state),
      set: (object) => {
        if (!this.#isLeft) log.set(entry, object);
      },
      remove: (origin) => {
        if (!this.#isLeft) log.remove(entry, origin);
      },
    };
  }

  agreed(agreement: DriverAgreement): void {
    this.#kept.log.agreed = agreement;
  }

  get lastRemoval(): number {
    return this.#kept.log.lastRemoval;
  }

  /** Writes nothing more; what is there stays as it is. */
  leave(): void {
    this.#isLeft = true;
    this.#parts.device.associations!.keepIn();
  }
}
