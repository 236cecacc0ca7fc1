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
  finishHeader,
  hasDontFragment,
  PROTOCOL_ESP,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  PROTOCOL_UDP,
  setDontFragment,
  setTrafficClass,
  trafficClass,
} from "./ip_header.ts";
import type { IvSource } from "./iv_source.ts";

const ECN_MASK = 3;
const LONGEST_FIELD = 0xffff;
const IPV6_HEADER_BYTES = 40;

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
  const headerBytes = association.outer?.length ??
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
  if (isTunnel) writeOuterHeader(packet, association);
  else moveHeader(packet, headerBytes);
  writeLengths(packet, headerBytes);
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
    : association.outer.length === IPV6_HEADER_BYTES;
  const fieldBytes = isIpv6 ? lengthBytes - IPV6_HEADER_BYTES : lengthBytes;
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

function writeOuterHeader(
  packet: EspPacket,
  association: EspAssociation,
): void {
  const { bytes, view, resultStart, header } = packet;
  const outer = association.outer!;
  for (let i = 0; i < outer.length; i++) bytes[resultStart + i] = outer[i]!;
  const inner = trafficClass(view, header.start);
  const own = trafficClass(view, resultStart);
  const dscp = (association.copiesDscp ? inner : own) & ~ECN_MASK;
  // RFC 6040 §4.1, normal mode.
  const ecn = association.carriesEcn ? inner & ECN_MASK : 0;
  if ((dscp | ecn) !== own) setTrafficClass(view, resultStart, dscp | ecn);
  if (outer.length === IPV6_HEADER_BYTES) return;
  if (association.copiesDf && header.version === 4) {
    setDontFragment(view, resultStart, hasDontFragment(view, header.start));
  }
  view.setUint16(resultStart + 4, packet.sequence & LONGEST_FIELD);
}

function moveHeader(packet: EspPacket, headerBytes: number): void {
  const { bytes, header, resultStart } = packet;
  bytes.copyWithin(resultStart, header.start, header.start + headerBytes);
}

function writeLengths(packet: EspPacket, headerBytes: number): void {
  const { view, bytes, header, association, resultStart, espStart } = packet;
  const { outer, udp } = association;
  const protocol = udp === undefined ? PROTOCOL_ESP : PROTOCOL_UDP;
  if (outer !== undefined) {
    bytes[resultStart + (outer.length === IPV6_HEADER_BYTES ? 6 : 9)] =
      protocol;
  } else bytes[resultStart + header.protocolAt - header.start] = protocol;
  const lengthBytes = packet.resultEnd - resultStart;
  finishHeader(view, resultStart, headerBytes, lengthBytes);
  if (udp === undefined) return;
  const at = espStart - UDP_HEADER_BYTES;
  view.setUint16(at, udp.source);
  view.setUint16(at + 2, udp.destination);
  view.setUint16(at + 4, packet.resultEnd - at);
  // RFC 3948 §2.1
  view.setUint16(at + 6, 0);
}

/** Brings a packet to its end whose operation has succeeded. */
export function finishOutbound(packet: EspPacket): Status {
  packet.placeComputedIcv();
  return packet.count();
}
