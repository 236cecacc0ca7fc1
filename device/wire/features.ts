/**
 * Feature bits: the crypto device's own (virtio 1.4 §5.9.3) and those of the
 * virtqueues (§6). A set of features is a bigint of 64 bits.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";

const bit = (number: number): bigint => 1n << BigInt(number);

export const F_REVISION_1: bigint = bit(0);
export const F_CIPHER_STATELESS_MODE: bigint = bit(1);
export const F_HASH_STATELESS_MODE: bigint = bit(2);
export const F_MAC_STATELESS_MODE: bigint = bit(3);
export const F_AEAD_STATELESS_MODE: bigint = bit(4);
export const F_AKCIPHER_STATELESS_MODE: bigint = bit(5);

/** Used by vhost-user alone, when a migration logs what is written. */
export const F_LOG_ALL: bigint = bit(26);
export const F_INDIRECT_DESC: bigint = bit(28);
export const F_EVENT_IDX: bigint = bit(29);
/** Used by vhost-user alone; a driver never sees it. */
export const F_VHOST_USER_PROTOCOL_FEATURES: bigint = bit(30);
export const F_VERSION_1: bigint = bit(32);
export const F_RING_PACKED: bigint = bit(34);
export const F_IN_ORDER: bigint = bit(35);
export const F_NOTIFICATION_DATA: bigint = bit(38);
export const F_RING_RESET: bigint = bit(40);
export const F_ADMIN_VQ: bigint = bit(41);
export const F_SUSPEND: bigint = bit(43);

/** Stateless mode is a feature of each service. */
export const STATELESS_FEATURE: Readonly<Record<Service, bigint>> = {
  cipher: F_CIPHER_STATELESS_MODE,
  hash: F_HASH_STATELESS_MODE,
  mac: F_MAC_STATELESS_MODE,
  aead: F_AEAD_STATELESS_MODE,
  akcipher: F_AKCIPHER_STATELESS_MODE,
};

/** Those of all services. */
export const STATELESS_FEATURES: bigint = Object.values(STATELESS_FEATURE)
  .reduce((all, one) => all | one, 0n);

/**
 * Whether a driver may accept `accepted` of `offered`: nothing that was not
 * offered, VERSION_1, and no stateless mode without REVISION_1 (§5.9.3.1).
 */
export function featuresAreAcceptable(
  offered: bigint,
  accepted: bigint,
): boolean {
  if ((accepted & ~offered) !== 0n) return false;
  if ((accepted & F_VERSION_1) === 0n) return false;
  return (accepted & STATELESS_FEATURES) === 0n ||
    (accepted & F_REVISION_1) !== 0n;
}
