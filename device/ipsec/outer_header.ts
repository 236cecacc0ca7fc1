/**
 * The outer header of a tunnel, which is the same for all packets but for a few
 * numbers. It is written in whole words and its checksum comes from numbers: to
 * read back what has just been written byte by byte stalls the processor for longer
 * than all the rest takes.
 *
 * @module
 */

import { IPV4_DF } from "./ip_header.ts";

const OUTER_IPV4_BYTES = 20;
export const OUTER_IPV6_BYTES = 40;

const IPV4_START = 0x4500_0000;
const LOW_16 = 0xffff;

/** What an association says of its outer headers. */
export interface OuterHeader {
  readonly isIpv6: boolean;
  readonly lengthBytes: number;
  /** DSCP, with an ECN of 0. */
  readonly trafficClass: number;
  readonly ttl: number;
  /** IPv4 only. */
  readonly dontFragment: boolean;
  /** IPv6 only. */
  readonly flowLabel: number;
  /** Both addresses as words, … */
  readonly addresses: Uint32Array<ArrayBuffer>;
  /** … and the sum of their halves. */
  readonly addressSum: number;
}

/** What of one packet's outer header is its own. */
export interface OuterFields {
  trafficClass: number;
  /** IPv4 only. */
  dontFragment: boolean;
  /** IPv4 only. */
  identification: number;
  protocol: number;
  /** Of the whole packet. */
  totalBytes: number;
}

/** An outer header; both addresses are of the same version. */
export function outerHeader(
  source: Uint8Array,
  destination: Uint8Array,
  fields: Pick<OuterHeader, "ttl" | "dontFragment" | "flowLabel"> & {
    readonly dscp: number;
  },
): OuterHeader {
  const { dscp, ttl, dontFragment, flowLabel } = fields;
  const isIpv6 = source.length === 16;
  const bytes = new Uint8Array([...source, ...destination]);
  const view = new DataView(bytes.buffer);
  const addresses = Uint32Array.from(
    { length: bytes.length / 4 },
    (_, i) => view.getUint32(4 * i),
  );
  return {
    isIpv6,
    lengthBytes: isIpv6 ? OUTER_IPV6_BYTES : OUTER_IPV4_BYTES,
    trafficClass: dscp << 2,
    ttl,
    dontFragment,
    flowLabel: flowLabel & 0xfffff,
    addresses,
    addressSum: addresses.reduce(
      (sum, word) => sum + (word >>> 16) + (word & LOW_16),
      0,
    ),
  };
}

/** Writes a header to `start`. */
export function writeOuter(
  view: DataView,
  start: number,
  outer: OuterHeader,
  fields: OuterFields,
): void {
  if (outer.isIpv6) writeIpv6(view, start, outer, fields);
  else writeIpv4(view, start, outer, fields);
  const { addresses, lengthBytes } = outer;
  const from = start + lengthBytes - 4 * addresses.length;
  for (let i = 0; i < addresses.length; i++) {
    view.setUint32(from + 4 * i, addresses[i]!);
  }
}

function writeIpv4(
  view: DataView,
  start: number,
  { ttl, addressSum }: OuterHeader,
  fields: OuterFields,
): void {
  const { trafficClass, totalBytes, identification, protocol } = fields;
  const first = IPV4_START | trafficClass << 16 | totalBytes;
  const flags = fields.dontFragment ? IPV4_DF : 0;
  const third = ttl << 8 | protocol;
  // RFC 1071
  let sum = addressSum + (first >>> 16) + totalBytes + identification + flags +
    third;
  while (sum > LOW_16) sum = (sum & LOW_16) + (sum >>> 16);
  view.setUint32(start, first);
  view.setUint32(start + 4, identification << 16 | flags);
  view.setUint32(start + 8, third << 16 | ~sum & LOW_16);
}

function writeIpv6(
  view: DataView,
  start: number,
  { ttl, flowLabel }: OuterHeader,
  { trafficClass, totalBytes, protocol }: OuterFields,
): void {
  const payloadBytes = totalBytes - OUTER_IPV6_BYTES;
  view.setUint32(start, 6 << 28 | trafficClass << 20 | flowLabel);
  view.setUint32(start + 4, payloadBytes << 16 | protocol << 8 | ttl);
}
