/**
 * The resource objects of associations: compared, and as other threads get them.
 *
 * @module
 */

import { type EspAssociation, readAgain } from "./ipsec/association.ts";
import {
  type AssociationFields,
  decodeAssociation,
} from "./wire/security_association.ts";

/** An association as data queues look it up. */
export interface HeldAssociation {
  readonly association: EspAssociation;
  /** Of the session table of associations. */
  readonly sessionId: number;
}

/** The association of an announced object, for another thread. */
export function holdAgain(
  object: Uint8Array<ArrayBuffer>,
  isOutbound: boolean,
  sessionId: number,
  words: BigUint64Array,
): HeldAssociation {
  const fields = decodeAssociation(new DataView(object.buffer));
  return { association: readAgain(fields, isOutbound, words), sessionId };
}

/** Writes an object without its keys, which its session has. */
export function writeWithoutKeys(
  object: Uint8Array<ArrayBuffer>,
  room: Uint8Array,
): void {
  room.set(object);
  const { cipherKey, authKey } = decodeAssociation(new DataView(object.buffer));
  for (const { byteOffset, length } of [cipherKey, authKey]) {
    room.fill(0, byteOffset, byteOffset + length);
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Whether one goes on as the other: SPI, salt and keys. */
export function isSameAssociation(
  a: AssociationFields,
  b: AssociationFields,
): boolean {
  return a.spi === b.spi && sameBytes(a.salt, b.salt) &&
    a.cipherKeyBytes === b.cipherKeyBytes &&
    a.authKeyBytes === b.authKeyBytes &&
    sameBytes(a.cipherKey, b.cipherKey) && sameBytes(a.authKey, b.authKey);
}

/** Whether the session of one serves the other. */
export function hasSameAlgorithms(
  a: AssociationFields,
  b: AssociationFields,
): boolean {
  return a.cipherAlgorithm === b.cipherAlgorithm &&
    a.authAlgorithm === b.authAlgorithm;
}
