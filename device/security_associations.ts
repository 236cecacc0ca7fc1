/**
 * The security associations of one guest: resource objects that it creates by
 * administration commands (virtio 1.4 §5.9.9.9.2).
 *
 * Each has a session of its own on a backend. Those sessions have numbers that no
 * request can name, since an association's number is the driver's to choose.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/catalogue.ts";
import { findIllegal } from "../algorithms/legality.ts";
import { keyRoom } from "../algorithms/key_bytes.ts";
import { copyDescription } from "../algorithms/session_description.ts";
import { type EspAssociation, readAssociation } from "./ipsec/association.ts";
import { createIvCounter } from "./ipsec/iv_source.ts";
import { suiteMasks } from "./ipsec/suites.ts";
import type {
  SessionAnnouncement,
  SessionTable,
} from "./session/session_table.ts";
import { AdminQualifier, AdminStatus } from "./wire/admin_command.ts";
import {
  ALL_IPSEC_OPTIONS,
  type AssociationCapability,
  IpsecMode,
  type ResourceCapability,
} from "./wire/ipsec_capabilities.ts";
import { ASSOCIATION_BYTES } from "./wire/ipsec_readings.ts";
import {
  ASSOCIATION_KEY_BYTES,
  type AssociationFields,
  decodeAssociation,
  ResourceType,
} from "./wire/security_association.ts";
import type { Refusal } from "./wire/session_parameters.ts";
import { Status } from "./wire/status.ts";

/** The largest anti-replay window, in packets. */
const MAXIMUM_REPLAY_WINDOW = 4096;

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

/** An association as data queues look it up. */
export interface HeldAssociation {
  readonly association: EspAssociation;
  /** Of the session table of associations. */
  readonly sessionId: number;
}

interface Held extends HeldAssociation {
  /** The object as it was set last, keys included. */
  readonly object: Uint8Array<ArrayBuffer>;
}

/** Whether the IPSEC service can be had with these algorithms. */
export function ipsecCapabilities(
  offered: readonly Algorithm[],
): AssociationCapability[] {
  const { ciphers, macs, aeads } = suiteMasks(offered);
  if (macs === 0n && aeads === 0) return [];
  return [IpsecMode.EspTunnel, IpsecMode.EspTransport].map((mode) => ({
    mode,
    maxReplayWindow: MAXIMUM_REPLAY_WINDOW,
    options: ALL_IPSEC_OPTIONS,
    cipherAlgorithms: ciphers,
    macAlgorithms: macs,
    aeadAlgorithms: aeads,
    maxCipherKeyBytes: ASSOCIATION_KEY_BYTES,
    maxAuthKeyBytes: ASSOCIATION_KEY_BYTES,
  }));
}

/** The resource objects of both types, by number. */
export class SecurityAssociations {
  /** The sessions of the associations. */
  readonly sessions: SessionTable;
  /** The counter that IVs come from: it outlives every driver. */
  readonly ivCounter = createIvCounter();
  readonly #outbound: (Held | undefined)[] = [];
  readonly #inbound: (Held | undefined)[] = [];

  constructor(sessions: SessionTable) {
    this.sessions = sessions;
  }

  /** The association with this number; undefined where there is none. */
  find(isOutbound: boolean, id: number): HeldAssociation | undefined {
    return (isOutbound ? this.#outbound : this.#inbound)[id];
  }

  /** Whether there is one whose number is `limit` or more. */
  reaches(isOutbound: boolean, limit: number): boolean {
    return (isOutbound ? this.#outbound : this.#inbound)
      .some((held, id) => held !== undefined && id >= limit);
  }

  /** Creates an object; `data` may be longer or shorter than one is. */
  create(
    type: ResourceType,
    id: number,
    data: DataView<ArrayBuffer>,
    limits: ResourceCapability,
    capabilities: readonly AssociationCapability[],
  ): AdminRefusal | undefined {
    const isOutbound = type === ResourceType.OutboundAssociation;
    const limit = isOutbound ? limits.outboundLimit : limits.inboundLimit;
    if (id >= limit) return INVALID_FIELD;
    if (this.find(isOutbound, id)) {
      return {
        status: AdminStatus.Exists,
        qualifier: AdminQualifier.InvalidField,
      };
    }
    const made = this.#make(isOutbound, data, capabilities, undefined);
    if ("status" in made) return made;
    this.#table(isOutbound)[id] = made;
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
  ): AdminRefusal | undefined {
    const isOutbound = type === ResourceType.OutboundAssociation;
    const held = this.#table(isOutbound)[id];
    if (!held) return NO_SUCH_OBJECT;
    const made = this.#make(isOutbound, data, capabilities, held);
    if ("status" in made) return made;
    this.#table(isOutbound)[id] = made;
    if (made.sessionId !== held.sessionId) {
      this.sessions.destroy(held.sessionId);
    }
    held.object.fill(0);
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

  destroy(type: ResourceType, id: number): AdminRefusal | undefined {
    const table = this.#table(type === ResourceType.OutboundAssociation);
    const held = table[id];
    if (!held) return NO_SUCH_OBJECT;
    table[id] = undefined;
    this.#end(held);
    return undefined;
  }

  /** Destroys all. */
  clear(): void {
    for (const table of [this.#outbound, this.#inbound]) {
      for (const held of table) if (held) this.#end(held);
      table.length = 0;
    }
  }

  #end({ object, sessionId, association }: Held): void {
    this.sessions.destroy(sessionId);
    object.fill(0);
    association.salt.fill(0);
  }

  #make(
    isOutbound: boolean,
    data: DataView<ArrayBuffer>,
    capabilities: readonly AssociationCapability[],
    before: Held | undefined,
  ): Held | AdminRefusal {
    const object = keyRoom(ASSOCIATION_BYTES);
    object.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const made = this.#makeFrom(isOutbound, object, capabilities, before);
    if ("status" in made) object.fill(0);
    return made;
  }

  #makeFrom(
    isOutbound: boolean,
    object: Uint8Array<ArrayBuffer>,
    capabilities: readonly AssociationCapability[],
    before: Held | undefined,
  ): Held | AdminRefusal {
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
    const state = goesOn ? before!.association.stateMemory : undefined;
    if (goesOn && hasSameAlgorithms(old, fields)) {
      const { sessionId } = before!;
      return { object, sessionId, association: read.create(state) };
    }
    if (findIllegal(read.chosen.description)) return INVALID_FIELD;
    const description = copyDescription(read.chosen.description);
    // None of its backends opens sessions on a lane, which would take a while.
    const created = this.sessions.create(description) as
      | SessionAnnouncement
      | Refusal;
    if (!("id" in created)) return refusalOf(created.status);
    return { object, sessionId: created.id, association: read.create(state) };
  }
}

/** A session that no backend takes is a parameter that cannot be had. */
function refusalOf(status: Status): AdminRefusal {
  return status === Status.NotSupported ? INVALID_FIELD : {
    status: AdminStatus.NoSpace,
    qualifier: AdminQualifier.NoResource,
  };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function isSameAssociation(a: AssociationFields, b: AssociationFields) {
  return a.spi === b.spi && sameBytes(a.salt, b.salt) &&
    a.cipherKeyBytes === b.cipherKeyBytes &&
    a.authKeyBytes === b.authKeyBytes &&
    sameBytes(a.cipherKey, b.cipherKey) && sameBytes(a.authKey, b.authKey);
}

function hasSameAlgorithms(a: AssociationFields, b: AssociationFields) {
  return a.cipherAlgorithm === b.cipherAlgorithm &&
    a.authAlgorithm === b.authAlgorithm;
}
