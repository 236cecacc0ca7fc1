/**
 * Decapsulation: an ESP packet becomes the IP packet that was protected (RFC 4303
 * §3.4, RFC 4301 §5.2, RFC 3948).
 *
 * @module
 */

import { Status } from "../wire/status.ts";
import {
  ESP_HEADER_BYTES,
  type EspPacket,
  HEAD_BYTES,
  TRAILER_BYTES,
  UDP_HEADER_BYTES,
} from "./esp_packet.ts";
import {
  ECN_MASK,
  finishHeader,
  PROTOCOL_ESP,
  PROTOCOL_IPV4,
  PROTOCOL_IPV6,
  PROTOCOL_UDP,
  setTrafficClass,
  trafficClass,
} from "./ip_header.ts";

/** A packet without content, which the receiver discards (RFC 4303 §2.6). */
const PROTOCOL_NONE = 59;

const NOT_ECT = 0;
const ECT_1 = 1;
const CE = 3;

/**
 * Looks at the `packetBytes` bytes from `HEAD_BYTES` on and lays out what the
 * backend is asked for. Any status but Ok is the request's outcome.
 */
export function prepareInbound(packet: EspPacket, packetBytes: number): Status {
  const { association, header, view } = packet;
  const { suite, state } = association;
  const limit = HEAD_BYTES + packetBytes;
  if (!header.read(view, HEAD_BYTES, limit, true)) return Status.Error;
  // Fragments are put together before (RFC 4303 §3.4.1).
  if (header.isFragment || !findEsp(packet)) return Status.Error;
  const { espStart } = packet;
  packet.dataStart = espStart + ESP_HEADER_BYTES + suite.ivBytes;
  packet.dataEnd = header.end - suite.icvBytes;
  const dataBytes = packet.dataEnd - packet.dataStart;
  if (dataBytes < suite.blockBytes || dataBytes % suite.blockBytes !== 0) {
    return Status.Error;
  }
  if (view.getUint32(espStart) !== association.spi) return Status.Error;
  if (packet.isOver()) return Status.Error;
  const low = view.getUint32(espStart + 4);
  packet.sequence = association.isExtended ? state.infer(low) : low;
  if (!state.mayBeNew(packet.sequence)) return Status.Error;
  packet.keepReceivedIcv();
  packet.layOutOperation();
  return Status.Ok;
}

/** Finds ESP behind the IP header, or behind UDP where that is agreed on. */
function findEsp(packet: EspPacket): boolean {
  const { association, header, view } = packet;
  packet.espStart = header.headerEnd;
  if (association.udp === undefined) return header.protocol === PROTOCOL_ESP;
  // Ports are not compared: a NAT on the way changes them (RFC 3948 §3).
  const leftBytes = header.end - header.headerEnd;
  if (header.protocol !== PROTOCOL_UDP || leftBytes < UDP_HEADER_BYTES) {
    return false;
  }
  packet.espStart += UDP_HEADER_BYTES;
  return view.getUint16(header.headerEnd + 4) === leftBytes;
}

/** Brings a packet to its end whose operation has succeeded. */
export function finishInbound(packet: EspPacket): Status {
  const { association } = packet;
  const { suite, state } = association;
  if (suite.kind !== "aead" && !packet.icvIsRight()) return Status.BadMessage;
  // Only now the window may move (RFC 4303 §3.4.3).
  if (!state.accept(packet.sequence)) return Status.Error;
  const payloadEnd = endOfPayload(packet);
  if (payloadEnd < 0) return Status.Error;
  const nextHeader = packet.bytes[packet.dataEnd - 1]!;
  const restored = association.isTunnel
    ? takeInner(packet, payloadEnd, nextHeader)
    : restoreHeader(packet, payloadEnd, nextHeader);
  if (!restored) return Status.Error;
  const resultBytes = packet.resultEnd - packet.resultStart;
  if (resultBytes > packet.resultLimitBytes) return Status.Error;
  return packet.count();
}

/** Where the payload ends; -1 where the padding is not 1, 2, 3, … */
function endOfPayload({ bytes, dataStart, dataEnd }: EspPacket): number {
  const padBytes = bytes[dataEnd - TRAILER_BYTES]!;
  const payloadEnd = dataEnd - TRAILER_BYTES - padBytes;
  if (payloadEnd < dataStart) return -1;
  for (let i = 0; i < padBytes; i++) {
    if (bytes[payloadEnd + i] !== i + 1) return -1;
  }
  return payloadEnd;
}

/** Tunnel: what is inside is the result; what follows it hides its length. */
function takeInner(
  packet: EspPacket,
  payloadEnd: number,
  nextHeader: number,
): boolean {
  const { header, view, association, dataStart } = packet;
  const outer = trafficClass(view, header.start);
  if (nextHeader !== PROTOCOL_IPV4 && nextHeader !== PROTOCOL_IPV6) {
    return false;
  }
  if (!header.read(view, dataStart, payloadEnd)) return false;
  if ((header.version === 4) !== (nextHeader === PROTOCOL_IPV4)) return false;
  packet.resultStart = header.start;
  packet.resultEnd = header.end;
  packet.countedBytes = header.end - header.start;
  return !association.carriesEcn || passOnCongestion(packet, outer & ECN_MASK);
}

/** RFC 6040 §4.2; false where the packet has to be dropped. */
function passOnCongestion(packet: EspPacket, outer: number): boolean {
  const { view, resultStart } = packet;
  const whole = trafficClass(view, resultStart);
  const inner = whole & ECN_MASK;
  if (inner === NOT_ECT) return outer !== CE;
  const isRaised = outer === CE || outer === ECT_1 && inner !== CE;
  if (isRaised) {
    setTrafficClass(view, resultStart, whole & ~ECN_MASK | outer);
  }
  return true;
}

/** Transport: the header goes in front of the payload, as it was before ESP. */
function restoreHeader(
  packet: EspPacket,
  payloadEnd: number,
  nextHeader: number,
): boolean {
  const { header, bytes, view, dataStart } = packet;
  if (nextHeader === PROTOCOL_NONE) return false;
  const headerBytes = header.headerEnd - header.start;
  packet.resultStart = dataStart - headerBytes;
  packet.resultEnd = payloadEnd;
  packet.countedBytes = payloadEnd - dataStart;
  bytes.copyWithin(packet.resultStart, header.start, header.headerEnd);
  bytes[packet.resultStart + header.protocolAt - header.start] = nextHeader;
  finishHeader(
    view,
    packet.resultStart,
    headerBytes,
    payloadEnd - packet.resultStart,
  );
  return true;
}
