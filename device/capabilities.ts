/**
 * From the algorithms that the enabled backends offer to the masks and limits
 * that the config space shows (virtio 1.4 §5.9.5).
 *
 * @module
 */

import {
  type AkcipherAlgorithm,
  type Algorithm,
  type Service,
} from "../algorithms/catalogue.ts";
import type { ConfigSpace } from "./wire/config_space.ts";
import { serviceNumber } from "./wire/opcodes.ts";

type Masks = Omit<ConfigSpace, "status" | "maxDataQueues" | "maxSizeBytes">;

function maskOf(offered: readonly Algorithm[], service: Service): bigint {
  return offered.filter((entry) => entry.service === service)
    .reduce((mask, entry) => mask | 1n << BigInt(entry.number), 0n);
}

function longestKey(
  offered: readonly Algorithm[],
  services: readonly Service[],
): number {
  const withKeys = offered.filter((
    entry,
  ): entry is Exclude<
    Algorithm,
    AkcipherAlgorithm | { service: "hash" }
  > => services.includes(entry.service) && "keyBytes" in entry);
  return Math.max(0, ...withKeys.map(({ keyBytes }) => keyBytes.maximum));
}

/** Services, masks and key limits for `offered`: their union, never more. */
export function capabilities(offered: readonly Algorithm[]): Masks {
  const services = offered.reduce(
    (mask, { service }) => mask | 1 << serviceNumber(service),
    0,
  );
  return {
    services,
    cipherAlgorithms: maskOf(offered, "cipher"),
    hashAlgorithms: Number(maskOf(offered, "hash")),
    macAlgorithms: maskOf(offered, "mac"),
    aeadAlgorithms: Number(maskOf(offered, "aead")),
    akcipherAlgorithms: Number(maskOf(offered, "akcipher")),
    maxCipherKeyBytes: longestKey(offered, ["cipher", "aead"]),
    maxAuthKeyBytes: longestKey(offered, ["mac"]),
  };
}
