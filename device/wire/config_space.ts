/**
 * The configuration space, for virtio 1.4 (§5.9.5) and for the v9 draft.
 *
 * @module
 */

import type { Layout } from "./mode.ts";

/** VIRTIO_CRYPTO_S_HW_READY */
export const STATUS_HW_READY = 1;

/** Length of the configuration space. */
const CONFIG_SPACE_BYTES: Readonly<Record<Layout, number>> = {
  "virtio": 56,
  "draft-9": 48,
};

/** Bit n of a mask stands for service or algorithm number n. */
export interface ConfigSpace {
  /** Bit 0: the device is ready (VIRTIO_CRYPTO_S_HW_READY). */
  readonly status: number;
  /** Data queues of the device. */
  readonly maxDataQueues: number;
  /** Mask of services. */
  readonly services: number;
  /** Mask of CIPHER algorithms. */
  readonly cipherAlgorithms: bigint;
  /** Mask of HASH algorithms. */
  readonly hashAlgorithms: number;
  /** Mask of MAC algorithms. */
  readonly macAlgorithms: bigint;
  /** Mask of AEAD algorithms. */
  readonly aeadAlgorithms: number;
  /** Mask of AKCIPHER algorithms. */
  readonly akcipherAlgorithms: number;
  /** The longest key of a cipher or an AEAD. */
  readonly maxCipherKeyBytes: number;
  /** The longest key of a MAC. */
  readonly maxAuthKeyBytes: number;
  /** Rounded by `decodeConfigSpace` when it is above 2^53. */
  readonly maxSizeBytes: number;
}

/** CIPHER, HASH, MAC and AEAD: the draft knows no other service. */
const DRAFT_9_SERVICES = 0xf;

/** The bytes that a driver reads. */
export function encodeConfigSpace(
  config: ConfigSpace,
  layout: Layout,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CONFIG_SPACE_BYTES[layout]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, config.status, true);
  view.setUint32(4, config.maxDataQueues, true);
  view.setUint32(8, config.services, true);
  view.setBigUint64(12, config.cipherAlgorithms, true);
  view.setUint32(20, config.hashAlgorithms, true);
  view.setBigUint64(24, config.macAlgorithms, true);
  if (layout === "draft-9") {
    view.setUint32(8, config.services & DRAFT_9_SERVICES, true);
    // asym_algo at 32, kdf_algo at 36 and primitive_algo at 44 stay zero.
    view.setUint32(40, config.aeadAlgorithms, true);
    return bytes;
  }
  view.setUint32(32, config.aeadAlgorithms, true);
  view.setUint32(36, config.maxCipherKeyBytes, true);
  view.setUint32(40, config.maxAuthKeyBytes, true);
  view.setUint32(44, config.akcipherAlgorithms, true);
  view.setBigUint64(48, BigInt(config.maxSizeBytes), true);
  return bytes;
}

/**
 * What a driver makes of the bytes. The draft states no size limits: they come
 * out as the largest values of their fields.
 */
export function decodeConfigSpace(
  bytes: Uint8Array,
  layout: Layout,
): ConfigSpace {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const draft = layout === "draft-9";
  return {
    status: view.getUint32(0, true),
    maxDataQueues: view.getUint32(4, true),
    services: view.getUint32(8, true),
    cipherAlgorithms: view.getBigUint64(12, true),
    hashAlgorithms: view.getUint32(20, true),
    macAlgorithms: view.getBigUint64(24, true),
    aeadAlgorithms: view.getUint32(draft ? 40 : 32, true),
    akcipherAlgorithms: draft ? 0 : view.getUint32(44, true),
    maxCipherKeyBytes: draft ? 0xffffffff : view.getUint32(36, true),
    maxAuthKeyBytes: draft ? 0xffffffff : view.getUint32(40, true),
    maxSizeBytes: draft
      ? Number.MAX_SAFE_INTEGER
      : Number(view.getBigUint64(48, true)),
  };
}
