/**
 * Encapsulation: an IP packet becomes an ESP packet (RFC 4303 §3.3, RFC 4301
 * §5.1.2, RFC 3948).
 *
 * @module
 */

import { Status } from "../wire/status.ts";
import type { EspAssociation } from "./association.ts";
import { NO_SEQUENCE } from "./association_state.ts";
import {
  ESP_HEADER_BYTES,
  type EspPacket,
  HEAD_BYTES,
  TRAILER_BYTES,
  UDP_HEADER_BYTES,
} from "./esp_packet.ts";
import {
  decrementTtl,
  ECN_MASK,
  finishHeader,
  hasDontFragment,
  PROTOCOL_ESP,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  PROTOCOL_UDP,
  trafficClass,
} from "./ip_header.ts";
import type { IvSource } from "./iv_source.ts";
import {
  OUTER_IPV6_BYTES,
  type OuterFields,
  type OuterHeader,
  writeOuter,
} from "./outer_header.ts";

const LONGEST_FIELD = 0xffff;

/**
 * Makes an ESP packet of the `packetBytes` bytes from `HEAD_BYTES` on, but for
 * what the backend does. Any status but Ok is the request's outcome.
 */
export function prepareOutbound(
  packet: EspPacket,
  packetBytes: number,
  ivs: IvSource,
): Status {
  const { association, header, view } = packet;
  const { isTunnel, suite, udp } = association;
  if (!header.read(view, HEAD_BYTES, HEAD_BYTES + packetBytes)) {
    return Status.Error;
  }
  // Transport mode is for whole datagrams only (RFC 4303 §3.3.4).
  if (!isTunnel && header.isFragment) return Status.Error;
  const payloadStart = isTunnel ? header.start : header.headerEnd;
  const headerBytes = association.outer?.lengthBytes ??
    header.headerEnd - header.start;
  packet.countedBytes = header.end - payloadStart;
  packet.dataStart = payloadStart;
  packet.espStart = payloadStart - suite.ivBytes - ESP_HEADER_BYTES;
  const addedBytes = udp === undefined ? 0 : UDP_HEADER_BYTES;
  packet.resultStart = packet.espStart - addedBytes - headerBytes;
  const padBytes = paddingFor(packet.countedBytes, suite.blockBytes);
  packet.dataEnd = header.end + padBytes + TRAILER_BYTES;
  packet.resultEnd = packet.dataEnd + suite.icvBytes;
  if (!resultFits(packet)) return Status.Error;
  if (packet.isOver()) return Status.Error;
  if (
    isTunnel && association.decrementsTtl && !decrementTtl(view, header.start)
  ) return Status.Error;
  const sequence = association.state.take();
  if (sequence === NO_SEQUENCE) return Status.Error;
  packet.sequence = sequence;
  writeTrailer(packet, header.end, padBytes);
  const { outer } = association;
  if (outer !== undefined) writeOuterHeader(packet, association, outer);
  else moveHeader(packet, headerBytes);
  if (udp !== undefined) writeUdpHeader(packet, udp);
  packet.writeEspHeader(ivs);
  packet.layOutOperation();
  return Status.Ok;
}

function paddingFor(payloadBytes: number, blockBytes: number): number {
  const over = (payloadBytes + TRAILER_BYTES) % blockBytes;
  return over === 0 ? 0 : blockBytes - over;
}

/** Whether the result has a length that its header can say and room to go to. */
function resultFits(packet: EspPacket): boolean {
  const lengthBytes = packet.resultEnd - packet.resultStart;
  const { association, header } = packet;
  const isIpv6 = association.outer === undefined
    ? header.version === 6
    : association.outer.isIpv6;
  const fieldBytes = isIpv6 ? lengthBytes - OUTER_IPV6_BYTES : lengthBytes;
  return fieldBytes <= LONGEST_FIELD && lengthBytes <= packet.resultLimitBytes;
}

/** Padding 1, 2, 3, …, its length, and what is inside. */
function writeTrailer(packet: EspPacket, at: number, padBytes: number): void {
  const { bytes, header, association } = packet;
  for (let i = 0; i < padBytes; i++) bytes[at + i] = i + 1;
  bytes[at + padBytes] = padBytes;
  const inner = header.version === 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
  bytes[at + padBytes + 1] = association.isTunnel ? inner : header.protocol;
}

/** Refilled for each packet. */
const FIELDS: OuterFields = {
  trafficClass: 0,
  dontFragment: false,
  identification: 0,
  protocol: PROTOCOL_ESP,
  totalBytes: 0,
};

function writeOuterHeader(
  packet: EspPacket,
  association: EspAssociation,
  outer: OuterHeader,
): void {
  const { view, resultStart, header } = packet;
  const inner = trafficClass(view, header.start);
  const dscp = (association.copiesDscp ? inner : outer.trafficClass) &
    ~ECN_MASK;
  // RFC 6040 §4.1, normal mode.
  const ecn = association.carriesEcn ? inner & ECN_MASK : 0;
  FIELDS.trafficClass = dscp | ecn;
  FIELDS.dontFragment = association.copiesDf && header.version === 4
    ? hasDontFragment(view, header.start)
    : outer.dontFragment;
  FIELDS.identification = packet.sequence & LONGEST_FIELD;
  FIELDS.protocol = protocolOf(packet);
  FIELDS.totalBytes = packet.resultEnd - resultStart;
  writeOuter(view, resultStart, outer, FIELDS);
}

const protocolOf = ({ association }: EspPacket): number =>
  association.udp === undefined ? PROTOCOL_ESP : PROTOCOL_UDP;

/** Transport: the packet's own header goes in front, and says what follows. */
function moveHeader(packet: EspPacket, headerBytes: number): void {
  const { bytes, view, header, resultStart } = packet;
  bytes.copyWithin(resultStart, header.start, header.start + headerBytes);
  bytes[resultStart + header.protocolAt - header.start] = protocolOf(packet);
  const lengthBytes = packet.resultEnd - resultStart;
  finishHeader(view, resultStart, headerBytes, lengthBytes);
}

function writeUdpHeader(
  packet: EspPacket,
  { source, destination }: NonNullable<EspAssociation["udp"]>,
): void {
  const { view, espStart, resultEnd } = packet;
  const at = espStart - UDP_HEADER_BYTES;
  view.setUint32(at, source << 16 | destination);
  // RFC 3948 §2.1: no checksum.
  view.setUint32(at + 4, (resultEnd - at) << 16);
}

/** Brings a packet to its end whose operation has succeeded. */
export function finishOutbound(packet: EspPacket): Status {
  packet.placeComputedIcv();
  return packet.count();
}
