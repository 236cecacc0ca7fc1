/**
 * The IPSEC service of one guest: its associations, and the commands that make
 * them.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/catalogue.ts";
import { Administration } from "./administration.ts";
import { suiteMasks } from "./ipsec/suites.ts";
import { SecurityAssociations } from "./security_associations.ts";
import type { BackendLane } from "./session/open_backends.ts";
import {
  Placement,
  type PlacementPolicy,
  type PlacementSettings,
} from "./session/placement.ts";
import { SessionTable } from "./session/session_table.ts";
import {
  ALL_IPSEC_OPTIONS,
  type AssociationCapability,
  IpsecMode,
} from "./wire/ipsec_capabilities.ts";
import { ASSOCIATION_KEY_BYTES } from "./wire/security_association.ts";
import type { ThreadBackends } from "./session/thread_backends.ts";

/** The largest anti-replay window, in packets. */
const MAXIMUM_REPLAY_WINDOW = 4096;

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
