/**
 * The security association as a resource object (struct
 * virtio_crypto_resource_obj_ipsec_sa_256b_key, virtio 1.4 §5.9.9.9.2), both
 * directions.
 *
 * @module
 */

import {
  ASSOCIATION_BYTES,
  ipv4FromField,
  ipv4ToField,
  SALT_BYTES,
  TUNNEL_IPV4,
} from "./ipsec_readings.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/** Types of resource objects. */
export const enum ResourceType {
  OutboundAssociation = 0x0200,
  InboundAssociation = 0x0201,
}

/** VIRTIO_CRYPTO_IPSEC_DIR_*. */
export const enum IpsecDirection {
  Outbound = 1,
  Inbound = 2,
}

/** The room that a key has. */
export const ASSOCIATION_KEY_BYTES = 32;

/** The outer header of an outbound tunnel. */
export interface TunnelFields {
  readonly type: number;
  /** 4 or 16 bytes, as they are in packets. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly dscp: number;
  /** IPv4 only. */
  readonly dontFragment: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** IPv6 only. */
  readonly flowLabel: number;
}

/** A number of 2^53 or more is NaN: no count reaches it. */
export interface LifetimeFields {
  readonly softPackets: number;
  readonly softBytes: number;
  readonly hardPackets: number;
  readonly hardBytes: number;
}

/** The structure's fields. */
export interface AssociationFields {
  readonly mode: number;
  readonly direction: number;
  /** The driver's own mark, of which the device makes nothing. */
  readonly objectId: number;
  readonly spi: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  /** NaN from 2^53 on. */
  readonly options: number;
  readonly tunnel: TunnelFields;
  readonly udpSourcePort: number;
  readonly udpDestinationPort: number;
  readonly replayWindow: number;
  readonly cipherAlgorithm: number;
  /** All 32 bytes that the structure has, and how many of them are the key. */
  readonly cipherKey: Uint8Array<ArrayBuffer>;
  readonly cipherKeyBytes: number;
  readonly authAlgorithm: number;
  readonly authKey: Uint8Array<ArrayBuffer>;
  readonly authKeyBytes: number;
  readonly lifetime: LifetimeFields;
}

const TUNNEL_AT = 24;
const CIPHER_KEY_AT = 84;
const AUTH_KEY_AT = 128;
const LIFETIME_AT = 164;

/** Reads an object; salt and keys are windows on `view`. */
export function decodeAssociation(
  view: DataView<ArrayBuffer>,
): AssociationFields {
  const window = (at: number, lengthBytes: number) =>
    new Uint8Array(view.buffer, view.byteOffset + at, lengthBytes);
  return {
    mode: view.getUint8(0),
    direction: view.getUint8(1),
    objectId: view.getUint32(4, true),
    spi: view.getUint32(8, true),
    salt: window(12, SALT_BYTES),
    options: readUint64(view, 16),
    tunnel: decodeTunnel(view, window),
    udpSourcePort: view.getUint16(68, true),
    udpDestinationPort: view.getUint16(70, true),
    replayWindow: view.getUint32(72, true),
    cipherAlgorithm: readUint64(view, 76),
    cipherKeyBytes: view.getUint16(CIPHER_KEY_AT, true),
    cipherKey: window(CIPHER_KEY_AT + 4, ASSOCIATION_KEY_BYTES),
    authAlgorithm: readUint64(view, 120),
    authKeyBytes: view.getUint16(AUTH_KEY_AT, true),
    authKey: window(AUTH_KEY_AT + 4, ASSOCIATION_KEY_BYTES),
    lifetime: {
      softPackets: readUint64(view, LIFETIME_AT),
      softBytes: readUint64(view, LIFETIME_AT + 8),
      hardPackets: readUint64(view, LIFETIME_AT + 16),
      hardBytes: readUint64(view, LIFETIME_AT + 24),
    },
  };
}

function decodeTunnel(
  view: DataView<ArrayBuffer>,
  window: (at: number, lengthBytes: number) => Uint8Array,
): TunnelFields {
  const type = view.getUint8(TUNNEL_AT);
  if (type === TUNNEL_IPV4) {
    return {
      type,
      source: ipv4FromField(view, TUNNEL_AT + 4),
      destination: ipv4FromField(view, TUNNEL_AT + 8),
      dscp: view.getUint8(TUNNEL_AT + 12),
      dontFragment: view.getUint8(TUNNEL_AT + 13),
      ttl: view.getUint8(TUNNEL_AT + 14),
      flowLabel: 0,
    };
  }
  return {
    type,
    source: window(TUNNEL_AT + 4, 16).slice(),
    destination: window(TUNNEL_AT + 20, 16).slice(),
    flowLabel: view.getUint32(TUNNEL_AT + 36, true),
    ttl: view.getUint8(TUNNEL_AT + 40),
    dscp: view.getUint8(TUNNEL_AT + 41),
    dontFragment: 0,
  };
}

/** Writes an object; of keys their first bytes. */
export function encodeAssociation(
  fields: AssociationFields,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(ASSOCIATION_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, fields.mode);
  view.setUint8(1, fields.direction);
  view.setUint32(4, fields.objectId, true);
  view.setUint32(8, fields.spi, true);
  bytes.set(fields.salt, 12);
  writeUint64(view, 16, fields.options);
  encodeTunnel(view, bytes, fields.tunnel);
  view.setUint16(68, fields.udpSourcePort, true);
  view.setUint16(70, fields.udpDestinationPort, true);
  view.setUint32(72, fields.replayWindow, true);
  writeUint64(view, 76, fields.cipherAlgorithm);
  view.setUint16(CIPHER_KEY_AT, fields.cipherKeyBytes, true);
  bytes.set(fields.cipherKey, CIPHER_KEY_AT + 4);
  writeUint64(view, 120, fields.authAlgorithm);
  view.setUint16(AUTH_KEY_AT, fields.authKeyBytes, true);
  bytes.set(fields.authKey, AUTH_KEY_AT + 4);
  const { softPackets, softBytes, hardPackets, hardBytes } = fields.lifetime;
  [softPackets, softBytes, hardPackets, hardBytes].forEach((limit, index) =>
    writeUint64(view, LIFETIME_AT + 8 * index, limit)
  );
  return bytes;
}

function encodeTunnel(
  view: DataView,
  bytes: Uint8Array,
  tunnel: TunnelFields,
): void {
  view.setUint8(TUNNEL_AT, tunnel.type);
  if (tunnel.type === TUNNEL_IPV4) {
    ipv4ToField(view, TUNNEL_AT + 4, tunnel.source);
    ipv4ToField(view, TUNNEL_AT + 8, tunnel.destination);
    view.setUint8(TUNNEL_AT + 12, tunnel.dscp);
    view.setUint8(TUNNEL_AT + 13, tunnel.dontFragment);
    view.setUint8(TUNNEL_AT + 14, tunnel.ttl);
    return;
  }
  bytes.set(tunnel.source, TUNNEL_AT + 4);
  bytes.set(tunnel.destination, TUNNEL_AT + 20);
  view.setUint32(TUNNEL_AT + 36, tunnel.flowLabel, true);
  view.setUint8(TUNNEL_AT + 40, tunnel.ttl);
  view.setUint8(TUNNEL_AT + 41, tunnel.dscp);
}
