/**
 * The IPSEC service of one guest: its associations, and the commands that make
 * them.
 *
 * @module
 */

import { Administration } from "./administration.ts";
import {
  ipsecCapabilities,
  SecurityAssociations,
} from "./security_associations.ts";
import type { BackendLane } from "./session/open_backends.ts";
import {
  Placement,
  type PlacementPolicy,
  type PlacementSettings,
} from "./session/placement.ts";
import { SessionTable } from "./session/session_table.ts";
import type { ThreadBackends } from "./session/thread_backends.ts";

/** A backend's offers, and what of it is on a lane. */
type Offers = PlacementSettings["backends"][number] & {
  readonly onLane: BackendLane["takes"] | undefined;
};

/** What the service is made of. */
export interface IpsecServiceSettings extends PlacementSettings {
  readonly backends: readonly Offers[];
  /** Associations of each direction. */
  readonly maximumAssociations: number;
}

/** Associations and their administration. */
export class IpsecService {
  readonly associations: SecurityAssociations;
  readonly administration: Administration;

  constructor(
    associations: SecurityAssociations,
    administration: Administration,
  ) {
    this.associations = associations;
    this.administration = administration;
  }
}

/** The service; undefined where no backend has what ESP needs. */
export function createIpsecService(
  settings: IpsecServiceSettings,
  backends: ThreadBackends,
  policy: PlacementPolicy | undefined,
): IpsecService | undefined {
  // A command is answered at once, which opening on a lane is not.
  const offers = settings.backends.filter(({ onLane }) => onLane !== "all");
  const placement = new Placement({ ...settings, backends: offers }, policy);
  const capabilities = ipsecCapabilities(placement.offered());
  if (capabilities.length === 0) return undefined;
  const limit = settings.maximumAssociations;
  const associations = new SecurityAssociations(
    new SessionTable(placement, backends, 2 * limit),
  );
  const limits = { inboundLimit: limit, outboundLimit: limit };
  return new IpsecService(
    associations,
    new Administration(associations, limits, capabilities),
  );
}
