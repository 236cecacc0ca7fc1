/**
 * IP packets for tests, with right lengths and checksums.
 *
 * @module
 */

import { addressBytes } from "../driver/ip_address.ts";

/** Fields of an IPv4 packet; the rest follows. */
export interface Ipv4Fields {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  /** DSCP and ECN. */
  readonly trafficClass?: number;
  readonly id?: number;
  /** DF, MF and the offset. */
  readonly fragment?: number;
  readonly ttl?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
}

/** RFC 1071 */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function ipv4Packet(
  payload: Uint8Array,
  fields: Ipv4Fields = {},
): Uint8Array<ArrayBuffer> {
  const options = fields.options ?? new Uint8Array(0);
  const headerBytes = 20 + options.length;
  const packet = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x40 | headerBytes / 4;
  packet[1] = fields.trafficClass ?? 0;
  view.setUint16(2, packet.length);
  view.setUint16(4, fields.id ?? 0);
  view.setUint16(6, fields.fragment ?? 0);
  packet[8] = fields.ttl ?? 64;
  packet[9] = fields.protocol ?? 17;
  packet.set(addressBytes(fields.source ?? "10.0.0.1"), 12);
  packet.set(addressBytes(fields.destination ?? "10.0.0.2"), 16);
  packet.set(options, 20);
  packet.set(payload, headerBytes);
  view.setUint16(10, checksum(packet.subarray(0, headerBytes)));
  return packet;
}

/** Fields of an IPv6 packet. */
export interface Ipv6Fields {
  readonly source?: string;
  readonly destination?: string;
  /** What the payload is, or its first extension header. */
  readonly nextHeader?: number;
  readonly trafficClass?: number;
  readonly hopLimit?: number;
}

export function ipv6Packet(
  payload: Uint8Array,
  fields: Ipv6Fields = {},
): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(40 + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, (6 << 28 | (fields.trafficClass ?? 0) << 20) >>> 0);
  view.setUint16(4, payload.length);
  packet[6] = fields.nextHeader ?? 17;
  packet[7] = fields.hopLimit ?? 64;
  packet.set(addressBytes(fields.source ?? "fd00::1"), 8);
  packet.set(addressBytes(fields.destination ?? "fd00::2"), 24);
  packet.set(payload, 40);
  return packet;
}

/** A UDP datagram without checksum. */
export function udpDatagram(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, 1111);
  view.setUint16(2, 2222);
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  return datagram;
}

/** `lengthBytes` bytes that are easily told apart. */
export function pattern(lengthBytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (7 * i + 3) & 0xff);
}
