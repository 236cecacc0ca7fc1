/**
 * A security association in a programmer's terms, and the fields of the resource
 * object that it becomes.
 *
 * @module
 */

import { algorithmByName, type Service } from "../algorithms/catalogue.ts";
import { keyRoom } from "../algorithms/key_bytes.ts";
import { IpsecMode, IpsecOption } from "../device/wire/ipsec_capabilities.ts";
import {
  NO_CIPHER,
  SALT_BYTES,
  TUNNEL_IPV4,
  TUNNEL_IPV6,
} from "../device/wire/ipsec_readings.ts";
import {
  ASSOCIATION_KEY_BYTES,
  type AssociationFields,
  IpsecDirection,
  type TunnelFields,
} from "../device/wire/security_association.ts";
import { addressBytes } from "./ip_address.ts";

/** Encryption and authentication in one. */
export interface AeadAlgorithms {
  /** `gcm`, `ccm` or `chacha20-poly1305`. */
  readonly aead: string;
  /** As long as the algorithm has it. */
  readonly key: Uint8Array;
  /** 4 bytes; for CCM 3. */
  readonly salt: Uint8Array;
}

/** A MAC with a cipher, or without one: then packets are not encrypted. */
export interface MacAlgorithms {
  /** `aes-cbc` or `aes-ctr`. Default: none. */
  readonly cipher?: string;
  /** With `cipher`. */
  readonly cipherKey?: Uint8Array;
  /** `hmac-sha1`, `hmac-sha256`, `cmac-aes`, `xcbc-aes` or `gmac-aes`. */
  readonly mac: string;
  /** As long as the algorithm has it. */
  readonly macKey: Uint8Array;
  /** 4 bytes, for `aes-ctr` and `gmac-aes`. */
  readonly salt?: Uint8Array;
}

/** The outer header of a tunnel; both addresses of one version. */
export interface TunnelParameters {
  /** IPv4 or IPv6, as text. */
  readonly source: string;
  /** The same. */
  readonly destination: string;
  /** 0 to 63. Default: 0. */
  readonly dscp?: number;
  /** IPv4 only. Default: false. */
  readonly dontFragment?: boolean;
  /** TTL or hop limit. Default: 64. */
  readonly ttl?: number;
  /** IPv6 only. Default: 0. */
  readonly flowLabel?: number;
}

/** When an association is used up; 0 or absent: never. */
export interface Lifetime {
  /** From then on packets say so. */
  readonly softPackets?: number;
  /** The same, in bytes of packets. */
  readonly softBytes?: number;
  /** The packet that reaches these is the last. */
  readonly hardPackets?: number;
  /** The same, in bytes of packets. */
  readonly hardBytes?: number;
}

/** What both directions have. */
export interface CommonParameters {
  /** What packets name the association by (RFC 4303 §2.1). */
  readonly spi: number;
  /** How packets are protected. */
  readonly algorithms: AeadAlgorithms | MacAlgorithms;
  /** ESN: 64-bit sequence numbers. Default: no. */
  readonly extendedSequenceNumbers?: boolean;
  /** ESP goes in UDP (RFC 3948). Default: no. */
  readonly udp?: {
    /** Default of both: 4500. */
    readonly sourcePort?: number;
    /** See `sourcePort`. */
    readonly destinationPort?: number;
  };
  /** ECN passes through the tunnel (RFC 6040). Default: no. */
  readonly ecn?: boolean;
  /** Default: for ever. */
  readonly lifetime?: Lifetime;
  /** A mark of your own, which a query gives back. Default: 0. */
  readonly objectId?: number;
}

/** An association that packets leave by: a tunnel, or else transport mode. */
export interface OutboundParameters extends CommonParameters {
  /** Tells it from the other kind. */
  readonly direction: "outbound";
  /** Absent: transport mode. */
  readonly tunnel?: TunnelParameters;
  /** The outer DSCP is the inner one. Default: no. */
  readonly copyDscp?: boolean;
  /** The outer DF is the inner one. Default: no. */
  readonly copyDf?: boolean;
  /** The inner TTL or hop limit goes down by one. Default: no. */
  readonly decrementTtl?: boolean;
}

/** An association that packets come by. */
export interface InboundParameters extends CommonParameters {
  /** Tells it from the other kind. */
  readonly direction: "inbound";
  /** What its packets are. */
  readonly mode: "tunnel" | "transport";
  /** Packets that may overtake each other; 0: replays are not noticed. Default: 64. */
  readonly replayWindow?: number;
}

/** An association of either direction. */
export type AssociationParameters = OutboundParameters | InboundParameters;

const DEFAULT_REPLAY_WINDOW = 64;
const NO_TUNNEL: TunnelFields = {
  type: 0,
  source: new Uint8Array(16),
  destination: new Uint8Array(16),
  dscp: 0,
  dontFragment: 0,
  ttl: 0,
  flowLabel: 0,
};

/** Whether an association is a tunnel. */
function isTunnel(parameters: AssociationParameters): boolean {
  return parameters.direction === "outbound"
    ? parameters.tunnel !== undefined
    : parameters.mode === "tunnel";
}

/**
 * The fields of the resource object; keys are copies that the caller wipes.
 *
 * @throws {TypeError} for an unknown algorithm, a wrong address or key
 */
export function associationFields(
  parameters: AssociationParameters,
): AssociationFields {
  const { algorithms, udp, lifetime } = parameters;
  const isOutbound = parameters.direction === "outbound";
  return {
    ...("aead" in algorithms ? aeadFields(algorithms) : macFields(algorithms)),
    mode: isTunnel(parameters) ? IpsecMode.EspTunnel : IpsecMode.EspTransport,
    direction: isOutbound ? IpsecDirection.Outbound : IpsecDirection.Inbound,
    objectId: parameters.objectId ?? 0,
    spi: parameters.spi,
    options: optionsOf(parameters),
    tunnel: isOutbound && parameters.tunnel
      ? tunnelFields(parameters.tunnel)
      : NO_TUNNEL,
    udpSourcePort: udp?.sourcePort ?? 0,
    udpDestinationPort: udp?.destinationPort ?? 0,
    replayWindow: isOutbound
      ? 0
      : parameters.replayWindow ?? DEFAULT_REPLAY_WINDOW,
    lifetime: {
      softPackets: lifetime?.softPackets ?? 0,
      softBytes: lifetime?.softBytes ?? 0,
      hardPackets: lifetime?.hardPackets ?? 0,
      hardBytes: lifetime?.hardBytes ?? 0,
    },
  };
}

function optionsOf(parameters: AssociationParameters): number {
  const outbound = parameters.direction === "outbound" ? parameters : undefined;
  const bits: readonly [boolean | undefined, IpsecOption][] = [
    [
      parameters.extendedSequenceNumbers,
      IpsecOption.ExtendedSequenceNumbers,
    ],
    [parameters.udp !== undefined, IpsecOption.UdpEncapsulation],
    [parameters.ecn, IpsecOption.Ecn],
    [parameters.lifetime !== undefined, IpsecOption.Lifetime],
    [outbound?.copyDscp, IpsecOption.CopyDscp],
    [outbound?.copyDf, IpsecOption.CopyDf],
    [outbound?.decrementTtl, IpsecOption.DecrementTtl],
  ];
  return bits.reduce((all, [wanted, bit]) => wanted ? all | bit : all, 0);
}

function tunnelFields(tunnel: TunnelParameters): TunnelFields {
  const source = addressBytes(tunnel.source);
  const destination = addressBytes(tunnel.destination);
  if (source.length !== destination.length) {
    throw new TypeError(
      `Cannot make a tunnel from ${tunnel.source} to ${tunnel.destination}: ` +
        `expected two addresses of one version`,
    );
  }
  return {
    type: source.length === 4 ? TUNNEL_IPV4 : TUNNEL_IPV6,
    source,
    destination,
    dscp: tunnel.dscp ?? 0,
    dontFragment: tunnel.dontFragment ? 1 : 0,
    ttl: tunnel.ttl ?? 0,
    flowLabel: tunnel.flowLabel ?? 0,
  };
}

type AlgorithmFields = Pick<
  AssociationFields,
  | "cipherAlgorithm"
  | "cipherKey"
  | "cipherKeyBytes"
  | "authAlgorithm"
  | "authKey"
  | "authKeyBytes"
  | "salt"
>;

const NO_KEY = new Uint8Array(0);

function aeadFields(
  { aead, key, salt }: AeadAlgorithms,
): AlgorithmFields {
  return {
    cipherAlgorithm: NO_CIPHER,
    ...keyField("cipherKey", key),
    authAlgorithm: numberOf("aead", aead),
    ...keyField("authKey", NO_KEY),
    salt: room("salt", salt, SALT_BYTES),
  };
}

function macFields(algorithms: MacAlgorithms): AlgorithmFields {
  const { cipher, cipherKey, mac, macKey, salt } = algorithms;
  if ((cipher === undefined) !== (cipherKey === undefined)) {
    throw new TypeError("A cipher needs a cipherKey, and a cipherKey a cipher");
  }
  return {
    cipherAlgorithm: cipher === undefined
      ? NO_CIPHER
      : numberOf("cipher", cipher),
    ...keyField("cipherKey", cipherKey ?? NO_KEY),
    authAlgorithm: numberOf("mac", mac),
    ...keyField("authKey", macKey),
    salt: room("salt", salt ?? NO_KEY, SALT_BYTES),
  };
}

function keyField<N extends "cipherKey" | "authKey">(name: N, key: Uint8Array) {
  return {
    [name]: room(name, key, ASSOCIATION_KEY_BYTES),
    [`${name}Bytes`]: key.length,
  } as
    & Record<N, Uint8Array<ArrayBuffer>>
    & Record<`${N}Bytes`, number>;
}

function room(
  name: string,
  bytes: Uint8Array,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  if (bytes.length > lengthBytes) {
    throw new TypeError(
      `${name} of ${bytes.length} bytes: expected at most ${lengthBytes}`,
    );
  }
  const copy = keyRoom(lengthBytes);
  copy.set(bytes);
  return copy;
}

function numberOf(service: Service, name: string): number {
  const algorithm = algorithmByName(service, name);
  if (algorithm) return algorithm.number;
  throw new TypeError(`There is no ${service} algorithm "${name}"`);
}
