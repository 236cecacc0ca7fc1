/**
 * The capabilities of the IPSEC service (virtio 1.4 §5.9.9.9.1), both
 * directions.
 *
 * @module
 */

import { CAPABILITY_ENTRY_BYTES } from "./ipsec_readings.ts";

export const RESOURCE_CAPABILITY_ID = 0x0800;
export const ASSOCIATION_CAPABILITY_ID = 0x0801;

/** VIRTIO_CRYPTO_IPSEC_MODE_*; the device has no AH. */
export const enum IpsecMode {
  EspTunnel = 1,
  EspTransport = 2,
}

/** VIRTIO_CRYPTO_IPSEC_*, as bits. */
export const enum IpsecOption {
  ExtendedSequenceNumbers = 1 << 0,
  UdpEncapsulation = 1 << 1,
  CopyDscp = 1 << 2,
  DecrementTtl = 1 << 3,
  CopyDf = 1 << 4,
  Ecn = 1 << 5,
  Lifetime = 1 << 6,
}

/** All options that the standard names. */
export const ALL_IPSEC_OPTIONS = 0x7f;

/** How many resource objects of each type there may be. */
export interface ResourceCapability {
  readonly inboundLimit: number;
  readonly outboundLimit: number;
}

/** What a driver has agreed on with the device by commands. */
export interface DriverAgreement {
  /** Opcodes of the commands that it uses, … */
  readonly list: readonly number[];
  /** … and which command said so last. */
  readonly listOrigin: number;
  readonly limits: ResourceCapability;
  readonly capabilities: readonly AssociationCapability[];
}

/** What associations of one mode may be made of. */
export interface AssociationCapability {
  readonly mode: number;
  readonly maxReplayWindow: number;
  readonly options: number;
  /** Bit n stands for algorithm number n of the service. */
  readonly cipherAlgorithms: bigint;
  readonly macAlgorithms: bigint;
  readonly aeadAlgorithms: number;
  readonly maxCipherKeyBytes: number;
  readonly maxAuthKeyBytes: number;
}

export const RESOURCE_CAPABILITY_BYTES = 8;
/** What comes before the entries: their count, and seven reserved bytes. */
const ENTRIES_AT = 8;
/** The longest structure: `count` is a byte. */
export const MAXIMUM_ASSOCIATION_CAPABILITY_BYTES = ENTRIES_AT +
  255 * CAPABILITY_ENTRY_BYTES;

export function encodeResourceCapability(
  { inboundLimit, outboundLimit }: ResourceCapability,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RESOURCE_CAPABILITY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, inboundLimit, true);
  view.setUint32(4, outboundLimit, true);
  return bytes;
}

export function decodeResourceCapability(view: DataView): ResourceCapability {
  return {
    inboundLimit: view.getUint32(0, true),
    outboundLimit: view.getUint32(4, true),
  };
}

export function encodeAssociationCapabilities(
  entries: readonly AssociationCapability[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(
    ENTRIES_AT + CAPABILITY_ENTRY_BYTES * entries.length,
  );
  const view = new DataView(bytes.buffer);
  bytes[0] = entries.length;
  entries.forEach((entry, index) => {
    const at = ENTRIES_AT + CAPABILITY_ENTRY_BYTES * index;
    view.setUint8(at, entry.mode);
    view.setUint32(at + 4, entry.maxReplayWindow, true);
    view.setUint32(at + 8, entry.options, true);
    view.setBigUint64(at + 16, entry.cipherAlgorithms, true);
    view.setBigUint64(at + 24, entry.macAlgorithms, true);
    view.setUint32(at + 32, entry.aeadAlgorithms, true);
    view.setUint32(at + 36, entry.maxCipherKeyBytes, true);
    view.setUint32(at + 40, entry.maxAuthKeyBytes, true);
  });
  return bytes;
}

/** Reads the structure; `view` has all the bytes that it may take. */
export function decodeAssociationCapabilities(
  view: DataView,
): AssociationCapability[] {
  return Array.from({ length: view.getUint8(0) }, (_, index) => {
    const at = ENTRIES_AT + CAPABILITY_ENTRY_BYTES * index;
    return {
      mode: view.getUint8(at),
      maxReplayWindow: view.getUint32(at + 4, true),
      options: view.getUint32(at + 8, true),
      cipherAlgorithms: view.getBigUint64(at + 16, true),
      macAlgorithms: view.getBigUint64(at + 24, true),
      aeadAlgorithms: view.getUint32(at + 32, true),
      maxCipherKeyBytes: view.getUint32(at + 36, true),
      maxAuthKeyBytes: view.getUint32(at + 40, true),
    };
  });
}
