/**
 * IPv4 and IPv6 headers as ESP needs them: where they end, what comes next, and
 * the fields that it changes.
 *
 * @module
 */

export const PROTOCOL_IPV4 = 4;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_IPV6 = 41;
export const PROTOCOL_ESP = 50;

const IPV6_HEADER_BYTES = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;

/** Do not fragment: of the field of an IPv4 header with its flags. */
export const IPV4_DF = 0x4000;
/** ECN within a traffic class (RFC 3168 §5). */
export const ECN_MASK = 3;
/** MF and the offset. */
const IPV4_FRAGMENT = 0x3fff;
/** The same of IPv6's fragment header. */
const IPV6_FRAGMENT = 0xfff9;

/** What is known of a packet's header. */
export class IpHeader {
  version = 4;
  /** Where the packet begins and, by its own length field, ends. */
  start = 0;
  end = 0;
  /**
   * Where ESP goes or is: behind IPv4's options; behind those extension headers
   * that routers on the way may look at (RFC 4303 §3.1.1).
   */
  headerEnd = 0;
  /** What comes there. */
  protocol = 0;
  /** Where that number is written. */
  protocolAt = 0;
  isFragment = false;

  /**
   * Reads the header of the packet from `start`, of which there are bytes up to
   * `limit`; false where it is none. Bytes behind the packet are not part of it.
   * `passesOptions`: destination options belong to the header, as they may in
   * front of ESP; else only where a routing header follows.
   */
  read(
    view: DataView,
    start: number,
    limit: number,
    passesOptions = false,
  ): boolean {
    this.start = start;
    this.isFragment = false;
    if (limit - start < 1) return false;
    this.version = view.getUint8(start) >> 4;
    if (this.version === 4) return this.#readIpv4(view, limit);
    return this.version === 6 && this.#readIpv6(view, limit, passesOptions);
  }

  #readIpv4(view: DataView, limit: number): boolean {
    const { start } = this;
    if (limit - start < 20) return false;
    const headerBytes = 4 * (view.getUint8(start) & 15);
    const totalBytes = view.getUint16(start + 2);
    if (headerBytes < 20 || totalBytes < headerBytes) return false;
    if (start + totalBytes > limit) return false;
    this.end = start + totalBytes;
    this.headerEnd = start + headerBytes;
    this.protocolAt = start + 9;
    this.protocol = view.getUint8(this.protocolAt);
    this.isFragment = (view.getUint16(start + 6) & IPV4_FRAGMENT) !== 0;
    return true;
  }

  #readIpv6(
    view: DataView,
    limit: number,
    passesOptions: boolean,
  ): boolean {
    const { start } = this;
    if (limit - start < IPV6_HEADER_BYTES) return false;
    this.end = start + IPV6_HEADER_BYTES + view.getUint16(start + 4);
    if (this.end > limit) return false;
    this.headerEnd = start + IPV6_HEADER_BYTES;
    this.protocolAt = start + 6;
    this.protocol = view.getUint8(this.protocolAt);
    return this.#readExtensions(view, passesOptions);
  }

  #readExtensions(view: DataView, passesOptions: boolean): boolean {
    let at = this.headerEnd;
    let next = this.protocol;
    let nextAt = this.protocolAt;
    for (;;) {
      const isOptions = next === DESTINATION_OPTIONS && !passesOptions;
      if (
        next !== DESTINATION_OPTIONS && next !== HOP_BY_HOP &&
        next !== ROUTING && next !== FRAGMENT
      ) return true;
      if (this.end - at < 8) return isOptions;
      const lengthBytes = next === FRAGMENT
        ? 8
        : 8 * (view.getUint8(at + 1) + 1);
      if (at + lengthBytes > this.end) return isOptions;
      if (next === FRAGMENT) {
        this.isFragment ||= (view.getUint16(at + 2) & IPV6_FRAGMENT) !== 0;
      }
      nextAt = at;
      next = view.getUint8(at);
      at += lengthBytes;
      if (isOptions) continue;
      this.headerEnd = at;
      this.protocolAt = nextAt;
      this.protocol = next;
    }
  }
}

/** Sets a header's protocol and the packet's length, and IPv4's checksum. */
export function finishHeader(
  view: DataView,
  start: number,
  headerBytes: number,
  packetBytes: number,
): void {
  if (view.getUint8(start) >> 4 === 6) {
    view.setUint16(start + 4, packetBytes - IPV6_HEADER_BYTES);
    return;
  }
  view.setUint16(start + 2, packetBytes);
  setIpv4Checksum(view, start, headerBytes);
}

/** RFC 1071, over a header of whole words. */
function setIpv4Checksum(
  view: DataView,
  start: number,
  headerBytes: number,
): void {
  view.setUint16(start + 10, 0);
  let sum = 0;
  for (let at = start; at < start + headerBytes; at += 2) {
    sum += view.getUint16(at);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(start + 10, ~sum & 0xffff);
}

const headerBytesOf = (view: DataView, start: number): number =>
  4 * (view.getUint8(start) & 15);

/** DSCP and ECN together. */
export function trafficClass(view: DataView, start: number): number {
  return view.getUint8(start) >> 4 === 6
    ? view.getUint16(start) >> 4 & 0xff
    : view.getUint8(start + 1);
}

/** Writes DSCP and ECN, and mends the checksum. */
export function setTrafficClass(
  view: DataView,
  start: number,
  value: number,
): void {
  if (view.getUint8(start) >> 4 === 6) {
    view.setUint16(start, view.getUint16(start) & 0xf00f | value << 4);
    return;
  }
  view.setUint8(start + 1, value);
  setIpv4Checksum(view, start, headerBytesOf(view, start));
}

/** Takes one from TTL or hop limit; false where none is left then. */
export function decrementTtl(view: DataView, start: number): boolean {
  const isIpv6 = view.getUint8(start) >> 4 === 6;
  const at = isIpv6 ? start + 7 : start + 8;
  const ttl = view.getUint8(at);
  if (ttl <= 1) return false;
  view.setUint8(at, ttl - 1);
  if (!isIpv6) setIpv4Checksum(view, start, headerBytesOf(view, start));
  return true;
}

/** Whether an IPv4 packet must not be fragmented; IPv6 has no such flag. */
export function hasDontFragment(view: DataView, start: number): boolean {
  return view.getUint8(start) >> 4 === 4 &&
    (view.getUint16(start + 6) & IPV4_DF) !== 0;
}
