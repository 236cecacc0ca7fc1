/**
 * How this device reads the IPSEC service where virtio 1.4 contradicts itself or
 * says nothing. Each reading stands here alone, so that one line changes when the
 * text is mended; `docs/readings.md` has them in words.
 *
 * @module
 */

/** MODIFY and QUERY: the sections that define them, not the table of §2.13.1. */
export const MODIFY_OPCODE = 0x0b;
export const QUERY_OPCODE = 0x0c;

/** EEXIST has no number in the table: Linux's, as for all others. */
export const EEXIST_STATUS = 17;

/** Structures have no padding (§1.4), whatever a compiler would make of them. */
export const ASSOCIATION_BYTES = 196;
export const CAPABILITY_ENTRY_BYTES = 44;

/** Numbers of `type` in struct virtio_crypto_ipsec_tunnel_param. */
export const TUNNEL_IPV4 = 1;
export const TUNNEL_IPV6 = 2;

/**
 * `cipher_algo` where no cipher is named: with a cipher key and without an
 * authentication key `auth_algo` is an AEAD's number, else encryption is NULL.
 */
export const NO_CIPHER = 0;

/** Bytes of op_flf, with REVISION_1 and without: no padding is told of. */
export const IPSEC_FIXED_BYTES = 8;

/** The salt's four bytes are in order as they lie; CCM takes three (RFC 4309). */
export const SALT_BYTES = 4;
export const CCM_SALT_BYTES = 3;

/**
 * An IPv4 address is the number that its le32 holds: the four bytes lie the
 * other way round than on the wire.
 */
export function ipv4FromField(view: DataView, at: number): Uint8Array {
  const address = new Uint8Array(4);
  new DataView(address.buffer).setUint32(0, view.getUint32(at, true));
  return address;
}

/** The inverse of {@linkcode ipv4FromField}. */
export function ipv4ToField(
  view: DataView,
  at: number,
  address: Uint8Array,
): void {
  const { buffer, byteOffset } = address;
  view.setUint32(at, new DataView(buffer, byteOffset, 4).getUint32(0), true);
}

/** What a TTL or hop limit of 0, and a UDP port of 0, stand for. */
export const DEFAULT_TTL = 64;
export const DEFAULT_UDP_PORT = 4500;

/** A capability is disabled while no driver has set it, or has set it to none. */
export const isDisabled = (count: number): boolean => count === 0;
