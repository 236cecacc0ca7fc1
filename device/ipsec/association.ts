/**
 * A security association as the packets of it need it, made of the resource
 * object's fields.
 *
 * @module
 */

import { copyKey } from "../../algorithms/key_bytes.ts";
import {
  ALL_IPSEC_OPTIONS,
  type AssociationCapability,
  IpsecMode,
  IpsecOption,
} from "../wire/ipsec_capabilities.ts";
import {
  DEFAULT_TTL,
  DEFAULT_UDP_PORT,
  TUNNEL_IPV4,
  TUNNEL_IPV6,
} from "../wire/ipsec_readings.ts";
import {
  type AssociationFields,
  IpsecDirection,
  type LifetimeFields,
} from "../wire/security_association.ts";
import { AssociationState, stateWords } from "./association_state.ts";
import { type OuterHeader, outerHeader } from "./outer_header.ts";
import {
  ALL_SUITES,
  chooseSuite,
  type ChosenSuite,
  type Suite,
} from "./suites.ts";

/** One association: what its packets look like, and what they share. */
export interface EspAssociation {
  readonly isOutbound: boolean;
  readonly isTunnel: boolean;
  readonly spi: number;
  /** A copy that is wiped with the association. */
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly suite: Suite;
  readonly isExtended: boolean;
  readonly udp:
    | { readonly source: number; readonly destination: number }
    | undefined;
  readonly copiesDscp: boolean;
  readonly decrementsTtl: boolean;
  readonly copiesDf: boolean;
  readonly carriesEcn: boolean;
  /** Of an outbound tunnel. */
  readonly outer: OuterHeader | undefined;
  readonly lifetime: LifetimeFields | undefined;
  readonly state: AssociationState;
}

/** What an object's fields come to. */
export interface ReadAssociation {
  readonly chosen: ChosenSuite;
  /** Words that its state takes. */
  readonly stateWords: number;
  /** Makes the association; its state is new where `words` are zeros. */
  create(words: BigUint64Array): EspAssociation;
}

const MAXIMUM_DSCP = 63;

/**
 * Checks `fields`, of an object of that direction, against what the driver may
 * use; a text says what is wrong.
 */
export function readAssociation(
  fields: AssociationFields,
  isOutbound: boolean,
  capabilities: readonly AssociationCapability[],
): ReadAssociation | string {
  const expected = isOutbound
    ? IpsecDirection.Outbound
    : IpsecDirection.Inbound;
  if (fields.direction !== expected) return `direction ${fields.direction}`;
  if (fields.spi === 0) return "an SPI of 0 (RFC 4303 §2.1)";
  const capability = capabilities.find(({ mode }) => mode === fields.mode);
  if (!capability) return `mode ${fields.mode} is not offered`;
  if (!(fields.options <= ALL_IPSEC_OPTIONS)) return "options without meaning";
  if ((fields.options & ~capability.options) !== 0) {
    return "options that are not offered";
  }
  if (!isOutbound && fields.replayWindow > capability.maxReplayWindow) {
    return `a window of ${fields.replayWindow} packets`;
  }
  const wrongTunnel = isOutbound ? tunnelFault(fields) : undefined;
  if (wrongTunnel !== undefined) return wrongTunnel;
  const chosen = chooseSuite(
    fields,
    {
      ciphers: capability.cipherAlgorithms,
      macs: capability.macAlgorithms,
      aeads: capability.aeadAlgorithms,
    },
    isOutbound ? "encrypt" : "decrypt",
  );
  if (typeof chosen === "string") return chosen;
  if (
    fields.cipherKeyBytes > capability.maxCipherKeyBytes ||
    fields.authKeyBytes > capability.maxAuthKeyBytes
  ) return "a key is longer than offered";
  return {
    chosen,
    stateWords: stateWords(windowOf(fields, isOutbound)),
    create: (words) => makeAssociation(fields, isOutbound, chosen.suite, words),
  };
}

/** The same association on another thread, of fields that have been checked. */
export function readAgain(
  fields: AssociationFields,
  isOutbound: boolean,
  words: BigUint64Array,
): EspAssociation {
  const chosen = chooseSuite(fields, ALL_SUITES, "encrypt");
  if (typeof chosen === "string") throw new Error(`Cannot take ${chosen}`);
  return makeAssociation(fields, isOutbound, chosen.suite, words);
}

function tunnelFault({ mode, tunnel }: AssociationFields): string | undefined {
  if (mode !== IpsecMode.EspTunnel) return undefined;
  if (tunnel.type !== TUNNEL_IPV4 && tunnel.type !== TUNNEL_IPV6) {
    return `tunnel type ${tunnel.type}`;
  }
  if (tunnel.dscp > MAXIMUM_DSCP) return `DSCP ${tunnel.dscp}`;
  return tunnel.dontFragment > 1 ? `DF ${tunnel.dontFragment}` : undefined;
}

/** Packets that the memory of an association's state remembers. */
const windowOf = (fields: AssociationFields, isOutbound: boolean): number =>
  isOutbound ? 0 : fields.replayWindow;

function makeAssociation(
  fields: AssociationFields,
  isOutbound: boolean,
  suite: Suite,
  words: BigUint64Array,
): EspAssociation {
  const has = (option: IpsecOption) => (fields.options & option) !== 0;
  const isTunnel = fields.mode === IpsecMode.EspTunnel;
  const isExtended = has(IpsecOption.ExtendedSequenceNumbers);
  return {
    isOutbound,
    isTunnel,
    spi: fields.spi,
    salt: copyKey(fields.salt.subarray(0, suite.saltBytes)),
    suite,
    isExtended,
    udp: has(IpsecOption.UdpEncapsulation)
      ? {
        source: fields.udpSourcePort || DEFAULT_UDP_PORT,
        destination: fields.udpDestinationPort || DEFAULT_UDP_PORT,
      }
      : undefined,
    copiesDscp: has(IpsecOption.CopyDscp),
    decrementsTtl: has(IpsecOption.DecrementTtl),
    copiesDf: has(IpsecOption.CopyDf),
    carriesEcn: has(IpsecOption.Ecn),
    outer: isTunnel && isOutbound ? outerOf(fields) : undefined,
    lifetime: has(IpsecOption.Lifetime) ? fields.lifetime : undefined,
    state: new AssociationState(
      words,
      windowOf(fields, isOutbound),
      isExtended,
    ),
  };
}

function outerOf({ tunnel }: AssociationFields): OuterHeader {
  const { source, destination, dscp, flowLabel } = tunnel;
  return outerHeader(source, destination, {
    dscp,
    flowLabel,
    ttl: tunnel.ttl || DEFAULT_TTL,
    dontFragment: tunnel.dontFragment !== 0,
  });
}
