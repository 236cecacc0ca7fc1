/**
 * Where a guest's associations have what their packets change, and where they are
 * kept, if they are.
 *
 * @module
 */

import { createThreadMemory } from "../memory/thread_memory.ts";
import { randomIvStart } from "./ipsec/iv_source.ts";
import type { DriverAgreement } from "./wire/ipsec_capabilities.ts";

/** Where words of 64 bits lie; structured-cloneable. */
export type WordsPlace =
  | { readonly memory: SharedArrayBuffer }
  /** Native memory, which outlives the process. */
  | { readonly address: number; readonly count: number };

/** Words of 64 bits that threads share, and where others find them. */
export interface SharedWords {
  readonly words: BigUint64Array;
  readonly place: WordsPlace;
}

/** One association in its store. */
export interface StoredAssociation extends SharedWords {
  /** Keeps another object in place of the one before. */
  set(object: Uint8Array, origin: number): void;
  /** Forgets the association. */
  remove(origin: number): void;
}

/** Keeps associations, for as long as its memory lasts. */
export interface AssociationStore {
  /** One word: the counter that IVs come from. */
  readonly ivCounter: SharedWords;
  /** Takes in an association with `count` words of zeros. */
  add(
    isOutbound: boolean,
    id: number,
    object: Uint8Array,
    count: number,
    origin: number,
  ): StoredAssociation;
  /** Notes what has been agreed on. */
  agreed(agreement: DriverAgreement): void;
  /** Who had an association destroyed last. */
  readonly lastRemoval: number;
}

/** An association as other threads are told of it. */
export interface AssociationAnnouncement {
  readonly isOutbound: boolean;
  readonly id: number;
  readonly sessionId: number;
  /** The object, keys included; who hears of it copies what it needs. */
  readonly object: Uint8Array<ArrayBuffer>;
  /** Its state, and where that lies for others. */
  readonly words: BigUint64Array;
  readonly place: WordsPlace;
}

/** Hears of associations before the guest does. */
export interface AssociationObserver {
  /** One is new, or another than before. */
  set(announcement: AssociationAnnouncement): void;
  removed(isOutbound: boolean, id: number): void;
}

/** An association that the process before has left. */
export interface LeftAssociation {
  readonly isOutbound: boolean;
  readonly id: number;
  readonly object: Uint8Array<ArrayBuffer>;
  readonly stored: StoredAssociation;
  readonly origin: number;
}

/** More than packets take that nobody has told of. */
const IV_JUMP = 2n ** 32n;

/** Has the counter of IVs go on, further than anybody who has seen `from` comes. */
export function continueIvs({ words }: SharedWords, from: bigint): void {
  Atomics.store(words, 0, from + IV_JUMP);
}

/** Words in memory of this process. */
function threadWords(count: number): SharedWords {
  const memory = createThreadMemory(8 * count);
  return { words: new BigUint64Array(memory), place: { memory } };
}

/** An association that is in memory of this process alone. */
export const threadAssociation = (count: number): StoredAssociation => ({
  ...threadWords(count),
  set() {},
  remove() {},
});

/** A store that keeps nothing. */
export function createThreadStore(): AssociationStore {
  const ivCounter = threadWords(1);
  ivCounter.words[0] = randomIvStart();
  return {
    ivCounter,
    add: (_isOutbound, _id, _object, count) => threadAssociation(count),
    agreed() {},
    lastRemoval: 0,
  };
}
