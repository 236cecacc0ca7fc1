/**
 * The security associations of one guest: resource objects that it creates by
 * administration commands (virtio 1.4 §5.9.9.9.2).
 *
 * Each has a session of its own on a backend. Those sessions have numbers that no
 * request can name, since an association's number is the driver's to choose.
 *
 * @module
 */

import { findIllegal } from "../algorithms/legality.ts";
import { keyRoom } from "../algorithms/key_bytes.ts";
import { copyDescription } from "../algorithms/session_description.ts";
import {
  hasSameAlgorithms,
  type HeldAssociation,
  isSameAssociation,
} from "./association_objects.ts";
import { type ReadAssociation, readAssociation } from "./ipsec/association.ts";
import {
  type AssociationAnnouncement,
  type AssociationObserver,
  type AssociationStore,
  continueIvs,
  createThreadStore,
  type LeftAssociation,
  type StoredAssociation,
} from "./association_store.ts";
import {
  NO_ORIGIN,
  type SessionAnnouncement,
  type SessionTable,
} from "./session/session_table.ts";
import { AdminQualifier, AdminStatus } from "./wire/admin_command.ts";
import {
  type AssociationCapability,
  type DriverAgreement,
  type ResourceCapability,
} from "./wire/ipsec_capabilities.ts";
import { ASSOCIATION_BYTES } from "./wire/ipsec_readings.ts";
import {
  decodeAssociation,
  ResourceType,
} from "./wire/security_association.ts";
import type { Refusal } from "./wire/session_parameters.ts";
import { Status } from "./wire/status.ts";

/** More than any sequence number that was given out. */
const MOST_SEQUENCE = 2n ** 54n;

/** Why a command came to nothing; undefined where it succeeded. */
export interface AdminRefusal {
  readonly status: number;
  readonly qualifier: AdminQualifier;
}

const INVALID_FIELD: AdminRefusal = {
  status: AdminStatus.Invalid,
  qualifier: AdminQualifier.InvalidField,
};
const NO_SUCH_OBJECT: AdminRefusal = {
  status: AdminStatus.NoSuchThing,
  qualifier: AdminQualifier.InvalidField,
};

interface Held extends HeldAssociation {
  /** The object as it was set last, keys included. */
  readonly object: Uint8Array<ArrayBuffer>;
  readonly stored: StoredAssociation;
  /** Who had it created. */
  readonly origin: number;
}

/** The resource objects of both types, by number. */
export class SecurityAssociations {
  /** The sessions of the associations. */
  readonly sessions: SessionTable;
  /** Where they are while no guest is kept. */
  readonly #ownStore = createThreadStore();
  #store: AssociationStore = this.#ownStore;
  readonly #observers = new Set<AssociationObserver>();
  readonly #outbound: (Held | undefined)[] = [];
  readonly #inbound: (Held | undefined)[] = [];

  constructor(sessions: SessionTable) {
    this.sessions = sessions;
  }

  /** Where they are, and are kept. */
  get store(): AssociationStore {
    return this.#store;
  }

  /**
   * Keeps those of the next guest in `store`, or in memory of this process alone;
   * there are none now, or they are another process's. The counter of IVs goes
   * on, further than anybody who has the old one comes.
   */
  keepIn(store?: AssociationStore): void {
    const next = store ?? this.#ownStore;
    continueIvs(next.ivCounter, Atomics.load(this.ivCounter, 0));
    this.#store = next;
  }

  /** The same where `store` has what the process before has left. */
  goOnIn(store: AssociationStore): void {
    this.#store = store;
  }

  /** One word: the counter that IVs come from. It outlives every driver. */
  get ivCounter(): BigUint64Array {
    return this.#store.ivCounter.words;
  }

  /** Tells `observer` of every change from now on; returns how to stop it. */
  observe(observer: AssociationObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** All associations as they are announced. */
  *current(): Iterable<AssociationAnnouncement> {
    for (const isOutbound of [true, false]) {
      for (const [id, held] of this.#table(isOutbound).entries()) {
        if (held) yield announcementOf(isOutbound, id, held);
      }
    }
  }

  /** The association with this number; undefined where there is none. */
  find(isOutbound: boolean, id: number): HeldAssociation | undefined {
    return this.#table(isOutbound)[id];
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return !this.reaches(true, 0) && !this.reaches(false, 0);
  }

  /** Whether there is one whose number is `limit` or more. */
  reaches(isOutbound: boolean, limit: number): boolean {
    return this.#table(isOutbound)
      .some((held, id) => held !== undefined && id >= limit);
  }

  /**
   * Creates an object; `data` may be longer or shorter than one is. What `origin`
   * has had created already is there.
   */
  create(
    type: ResourceType,
    id: number,
    data: DataView<ArrayBuffer>,
    limits: ResourceCapability,
    capabilities: readonly AssociationCapability[],
    origin = NO_ORIGIN,
  ): AdminRefusal | undefined {
    const isOutbound = type === ResourceType.OutboundAssociation;
    const limit = isOutbound ? limits.outboundLimit : limits.inboundLimit;
    if (id >= limit) return INVALID_FIELD;
    const existing = this.#table(isOutbound)[id];
    if (existing) {
      return origin !== NO_ORIGIN && existing.origin === origin ? undefined : {
        status: AdminStatus.Exists,
        qualifier: AdminQualifier.InvalidField,
      };
    }
    const made = this.#make(isOutbound, id, data, capabilities, origin);
    if ("status" in made) return made;
    this.#set(isOutbound, id, made);
    return undefined;
  }

  #set(isOutbound: boolean, id: number, held: Held): void {
    this.#table(isOutbound)[id] = held;
    const announcement = announcementOf(isOutbound, id, held);
    for (const observer of this.#observers) observer.set(announcement);
  }

  /**
   * Takes an association over from the process before; a text says why that is
   * impossible.
   */
  takeOver(
    { isOutbound, id, object, stored, origin }: LeftAssociation,
    { limits, capabilities }: DriverAgreement,
  ): string | undefined {
    const limit = isOutbound ? limits.outboundLimit : limits.inboundLimit;
    if (id >= limit || this.#table(isOutbound)[id]) return "its number";
    const fields = decodeAssociation(new DataView(object.buffer));
    const read = readAssociation(fields, isOutbound, capabilities);
    if (typeof read === "string") return read;
    if (read.stateWords > stored.words.length) return "its window";
    // A number that high would begin anew before it is refused.
    if (Atomics.load(stored.words, 0) > MOST_SEQUENCE) return "its numbers";
    const sessionId = this.#openSession(read);
    if (typeof sessionId !== "number") return "no backend has it";
    const association = read.create(stored.words);
    this.#set(isOutbound, id, {
      association,
      sessionId,
      object,
      stored,
      origin,
    });
    return undefined;
  }

  #table(isOutbound: boolean): (Held | undefined)[] {
    return isOutbound ? this.#outbound : this.#inbound;
  }

  /**
   * Sets an object anew. Its sequence numbers, window and counts go on, unless
   * SPI, salt or a key is another, so that it is another association.
   */
  modify(
    type: ResourceType,
    id: number,
    data: DataView<ArrayBuffer>,
    capabilities: readonly AssociationCapability[],
    origin = NO_ORIGIN,
  ): AdminRefusal | undefined {
    const isOutbound = type === ResourceType.OutboundAssociation;
    const held = this.#table(isOutbound)[id];
    if (!held) return NO_SUCH_OBJECT;
    const made = this.#make(isOutbound, id, data, capabilities, origin, held);
    if ("status" in made) return made;
    this.#set(isOutbound, id, made);
    if (made.sessionId !== held.sessionId) {
      this.sessions.destroy(held.sessionId);
    }
    if (made.stored !== held.stored) held.stored.remove(origin);
    held.object.fill(0);
    held.association.salt.fill(0);
    return undefined;
  }

  /** The object as it was set last, keys included: the caller wipes the copy. */
  query(
    type: ResourceType,
    id: number,
  ): Uint8Array<ArrayBuffer> | AdminRefusal {
    const held = this.#table(type === ResourceType.OutboundAssociation)[id];
    if (!held) return NO_SUCH_OBJECT;
    const copy = keyRoom(held.object.length);
    copy.set(held.object);
    return copy;
  }

  /** Destroys an object; what `origin` has had destroyed already is gone. */
  destroy(
    type: ResourceType,
    id: number,
    origin = NO_ORIGIN,
  ): AdminRefusal | undefined {
    const isOutbound = type === ResourceType.OutboundAssociation;
    const held = this.#table(isOutbound)[id];
    if (!held) {
      const isDone = origin !== NO_ORIGIN && origin === this.#store.lastRemoval;
      return isDone ? undefined : NO_SUCH_OBJECT;
    }
    this.#end(isOutbound, id, held, origin);
    return undefined;
  }

  /** Destroys all. */
  clear(): void {
    for (const isOutbound of [true, false]) {
      const table = this.#table(isOutbound);
      for (const [id, held] of table.entries()) {
        if (held) this.#end(isOutbound, id, held, NO_ORIGIN);
      }
      table.length = 0;
    }
  }

  #end(isOutbound: boolean, id: number, held: Held, origin: number): void {
    const { object, sessionId, association, stored } = held;
    this.#table(isOutbound)[id] = undefined;
    for (const observer of this.#observers) observer.removed(isOutbound, id);
    stored.remove(origin);
    this.sessions.destroy(sessionId);
    object.fill(0);
    association.salt.fill(0);
  }

  #make(
    isOutbound: boolean,
    id: number,
    data: DataView<ArrayBuffer>,
    capabilities: readonly AssociationCapability[],
    origin: number,
    before?: Held,
  ): Held | AdminRefusal {
    const object = keyRoom(ASSOCIATION_BYTES);
    object.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const made = this.#makeFrom(object, isOutbound, capabilities, before);
    if ("status" in made) {
      object.fill(0);
      return made;
    }
    const { read, sessionId, goesOn } = made;
    const stored = goesOn
      ? before!.stored
      : this.#store.add(isOutbound, id, object, read.stateWords, origin);
    if (goesOn) stored.set(object, origin);
    const association = read.create(stored.words);
    return { association, sessionId, object, stored, origin };
  }

  #makeFrom(
    object: Uint8Array<ArrayBuffer>,
    isOutbound: boolean,
    capabilities: readonly AssociationCapability[],
    before: Held | undefined,
  ):
    | { read: ReadAssociation; sessionId: number; goesOn: boolean }
    | AdminRefusal {
    const fields = decodeAssociation(new DataView(object.buffer));
    const read = readAssociation(fields, isOutbound, capabilities);
    if (typeof read === "string") {
      this.sessions.refuse({ status: Status.Error, reason: read });
      return INVALID_FIELD;
    }
    const old = before && decodeAssociation(new DataView(before.object.buffer));
    if (old && old.mode !== fields.mode) return INVALID_FIELD;
    const goesOn = old !== undefined && isSameAssociation(old, fields);
    // Nobody knows which packets a window of another size has seen.
    if (goesOn && old.replayWindow !== fields.replayWindow) {
      return INVALID_FIELD;
    }
    if (goesOn && hasSameAlgorithms(old, fields)) {
      return { read, sessionId: before!.sessionId, goesOn };
    }
    const sessionId = this.#openSession(read);
    return typeof sessionId === "number"
      ? { read, sessionId, goesOn }
      : sessionId;
  }

  #openSession({ chosen }: ReadAssociation): number | AdminRefusal {
    if (findIllegal(chosen.description)) return INVALID_FIELD;
    const description = copyDescription(chosen.description);
    // None of its backends opens sessions on a lane, which would take a while.
    const created = this.sessions.create(description) as
      | SessionAnnouncement
      | Refusal;
    return "id" in created ? created.id : refusalOf(created.status);
  }
}

const announcementOf = (
  isOutbound: boolean,
  id: number,
  { sessionId, object, stored }: Held,
): AssociationAnnouncement => ({
  isOutbound,
  id,
  sessionId,
  object,
  words: stored.words,
  place: stored.place,
});

/** A session that no backend takes is a parameter that cannot be had. */
function refusalOf(status: Status): AdminRefusal {
  return status === Status.NotSupported ? INVALID_FIELD : {
    status: AdminStatus.NoSpace,
    qualifier: AdminQualifier.NoResource,
  };
}
