/**
 * The security associations of a device that moves to another host, as bytes: a
 * log of them (`association_log.ts`) with room for just these.
 *
 * @module
 */

import { continueIvs } from "../../association_store.ts";
import type { Device } from "../../device.ts";
import type { SecurityAssociations } from "../../security_associations.ts";
import { NO_ORIGIN } from "../../session/session_table.ts";
import {
  AssociationLog,
  associationLogBytes,
  type LoggedAssociation,
  STATE_WORDS,
  wipeObjects,
} from "../../state/association_log.ts";
import type { DriverAgreement } from "../../wire/ipsec_capabilities.ts";
import { readLeft } from "./left_associations.ts";

/** The associations of a device that no packet goes through; none: no bytes. */
export function saveAssociations(device: Device): Uint8Array<ArrayBuffer> {
  const { associations, administration } = device;
  const isUsed = device.adminQueueIndex !== undefined;
  if (!isUsed || !associations || !administration) {
    return new Uint8Array(new ArrayBuffer(0));
  }
  const all = [...associations.current()];
  const room = new ArrayBuffer(associationLogBytes(all.length));
  const bytes = new Uint8Array(room);
  const log = new AssociationLog(bytes);
  log.begin(all.length);
  log.agreed = administration.agreement;
  log.ivCounter.words[0] = associations.ivCounter[0]!;
  for (const { isOutbound, id, object, words } of all) {
    const entry = log.add(isOutbound, id, object, NO_ORIGIN);
    log.stateOf(entry).words.set(words.subarray(0, STATE_WORDS));
  }
  return bytes;
}

/**
 * Gives a device the associations of another, whoever has written them, with their
 * numbers and windows. Returns why it cannot: then it has none. The bytes are
 * wiped.
 */
export function loadAssociations(
  device: Device,
  bytes: Uint8Array<ArrayBuffer>,
): string | undefined {
  device.resetAdministration();
  if (bytes.length === 0) return undefined;
  const problem = load(device, bytes);
  bytes.fill(0);
  if (problem !== undefined) device.resetAdministration();
  return problem;
}

function load(
  device: Device,
  bytes: Uint8Array<ArrayBuffer>,
): string | undefined {
  if (bytes.length < associationLogBytes(0)) {
    return `associations in ${bytes.length} bytes`;
  }
  const log = new AssociationLog(bytes);
  const left = readLeft(device, log);
  if (typeof left === "string") return left;
  const { associations, logged, agreement } = left;
  const { store } = associations;
  store.agreed(agreement);
  continueIvs(store.ivCounter, log.ivCounter.words[0]!);
  for (const one of logged) {
    const lost = takeOver(associations, log, one, agreement);
    if (lost === undefined) continue;
    wipeObjects(logged);
    return `association ${one.id}: ${lost}`;
  }
  return undefined;
}

function takeOver(
  associations: SecurityAssociations,
  log: AssociationLog,
  { entry, ...one }: LoggedAssociation,
  agreement: DriverAgreement,
): string | undefined {
  const { isOutbound, id, object } = one;
  const stored = associations.store.add(
    isOutbound,
    id,
    object,
    STATE_WORDS,
    NO_ORIGIN,
  );
  stored.words.set(log.stateOf(entry).words);
  const left = { ...one, origin: NO_ORIGIN, stored };
  const lost = associations.takeOver(left, agreement);
  if (lost !== undefined) stored.remove(NO_ORIGIN);
  return lost;
}
