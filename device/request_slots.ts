/**
 * The requests of one data queue from the pop of their chains to the push of
 * their used entries, as numbers by slot of the ring: what backends see of them
 * is in the burst, what only the device needs is here.
 *
 * @module
 */

import {
  BURST_WORDS,
  BurstField,
  RequestBurst,
} from "../backends/request_burst.ts";
import type { RangeLists } from "../memory/range_lists.ts";
import { NO_SESSION } from "./session/session_index.ts";
import type { Route } from "./session/route_table.ts";
import { OperationStatus } from "../backends/backend.ts";

/** Words of a slot. */
export const SLOT_WORDS = 8;

/** The words of a slot. */
export const enum SlotField {
  /** Number of the session on this thread, or `NO_SESSION`. */
  Session = 0,
  /**
   * Number of the backend that is to have the request together with its
   * neighbours of the same one, or {@linkcode APART} or {@linkcode NOBODY}.
   */
  Backend = 1,
  /** Bytes that a success writes besides those that the backend tells of. */
  DigestBytes = 2,
  /** 1 where the tag is an input. */
  ReadsTag = 3,
  /** Draft 9: where in the structure the status is, and how long that is. */
  StatusAt = 4,
  StructureBytes = 5,
  /**
   * 0 where it is plain that the results have no byte in common with what the
   * operation reads; {@linkcode IN_PLACE}.
   */
  MayOverwrite = 6,
}

/** The result is one range, where the source is, and the digest is elsewhere. */
export const IN_PLACE = 2;

/** The outputs overlap what they must not: it runs by itself. */
export const APART = -1;
/** The outcome is known: no backend has it, and none gets it. */
export const NOBODY = -2;

/** Added to the number of a backend: the lists are no ring's. */
export const OWN_LISTS = 1 << 16;

/** All slots of one ring. */
export class RequestSlots {
  readonly burst: RequestBurst;
  /** The same slots, for requests whose lists are no ring's; made when needed. */
  #own: RequestBurst | undefined;
  words: Int32Array<ArrayBuffer>;
  /** Whether one of those prepared last has `MayOverwrite`, or none tells. */
  mayOverwrite = false;

  /** `lists`: those of the ring, where its chains are the requests' ranges. */
  constructor(slots: number, lists?: RangeLists) {
    this.burst = new RequestBurst(slots, lists);
    this.words = new Int32Array(SLOT_WORDS * slots);
  }

  get own(): RequestBurst {
    return this.#own ??= this.burst.withOwnLists();
  }

  /** The burst that a slot's request is in. */
  burstOf(slot: number): RequestBurst {
    const backend = this.words[SLOT_WORDS * slot + SlotField.Backend]!;
    return backend >= OWN_LISTS ? this.own : this.burst;
  }

  /** Makes it `slots` slots, which are more than before. */
  addSlots(slots: number): void {
    this.burst.addSlots(slots);
    this.#own?.share(this.burst);
    const { words } = this;
    this.words = new Int32Array(SLOT_WORDS * slots);
    this.words.set(words);
  }

  /** Forgets the last request in a slot. */
  reset(slot: number): void {
    this.burst.clear(slot);
    const at = SLOT_WORDS * slot;
    const { words } = this;
    for (let i = at; i < at + SLOT_WORDS; i++) words[i] = 0;
    words[at + SlotField.Session] = NO_SESSION;
  }

  /**
   * Sends a request to the backend of `route`; `ownLists` is {@linkcode OWN_LISTS}
   * where its lists are no ring's.
   */
  send(slot: number, route: Route, isApart: boolean, ownLists = 0): void {
    const { fields } = this.burst;
    const at = BURST_WORDS * slot;
    fields[at + BurstField.Session] = route.number;
    fields[at + BurstField.Status] = OperationStatus.Pending;
    fields[at + BurstField.WrittenBytes] = 0;
    this.words[SLOT_WORDS * slot + SlotField.Backend] = isApart
      ? APART
      : route.backendNumber + ownLists;
  }

  /** Gives a request its outcome without a backend. */
  end(slot: number, status: number): void {
    this.burst.fields[BURST_WORDS * slot + BurstField.Status] = status;
    this.words[SLOT_WORDS * slot + SlotField.Backend] = NOBODY;
  }
}
