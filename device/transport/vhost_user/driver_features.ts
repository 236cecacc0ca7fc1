/**
 * What the driver has chosen, as far as the front-end tells it.
 *
 * @module
 */

import type { Device } from "../../device.ts";
import {
  F_LOG_ALL,
  F_VERSION_1,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../../wire/features.ts";
import { type FrontEndState, isGeneric } from "./front_end_state.ts";

/** Bits that tell nothing of the driver: logging, and protocol features. */
export const FRONT_ENDS_FEATURES: bigint = F_LOG_ALL |
  F_VHOST_USER_PROTOCOL_FEATURES;

/**
 * Takes the features of the last SET_FEATURES; false where no driver can have
 * them. QEMU's cryptodev says bit 30 alone, whatever the guest negotiated with
 * QEMU; what it leaves out is not the guest's mistake.
 */
export function acceptFeatures(
  device: Device,
  { features, protocolFeatures }: FrontEndState,
): boolean {
  const driver = features & ~FRONT_ENDS_FEATURES;
  if (isGeneric(protocolFeatures)) return device.acceptFeatures(driver);
  return driver === 0n || device.acceptFeatures(driver | F_VERSION_1);
}
