/**
 * What a log of security associations says to the device that goes on with them.
 *
 * @module
 */

import type { Administration } from "../../administration.ts";
import type { Device } from "../../device.ts";
import type { SecurityAssociations } from "../../security_associations.ts";
import {
  type AssociationLog,
  type LoggedAssociation,
  wipeObjects,
} from "../../state/association_log.ts";
import type { DriverAgreement } from "../../wire/ipsec_capabilities.ts";

/** Associations of another process, or of a device on another host. */
export interface LeftAssociations {
  readonly associations: SecurityAssociations;
  readonly logged: readonly LoggedAssociation[];
  readonly agreement: DriverAgreement;
}

/**
 * Reads a log, and has the device go on with what its driver has agreed on; a
 * string says why that is impossible.
 */
export function readLeft(
  { associations, administration }: Device,
  log: AssociationLog,
): LeftAssociations | string {
  if (!associations || !administration) return "this device has no IPSEC";
  const logged = log.read();
  if (typeof logged === "string") return logged;
  const agreement = agreedAnew(administration, log);
  if (typeof agreement !== "string") return { associations, logged, agreement };
  wipeObjects(logged);
  return agreement;
}

function agreedAnew(
  administration: Administration,
  { agreement }: AssociationLog,
): DriverAgreement | string {
  if (typeof agreement === "string") return agreement;
  return administration.takeOver(agreement) ?? agreement;
}
