/**
 * What a front-end has said by its messages: plain data, whatever runs.
 *
 * @module
 */

import { STATUS_DRIVER_OK } from "../../wire/device_status.ts";
import {
  F_RING_PACKED,
  F_VHOST_USER_PROTOCOL_FEATURES,
} from "../../wire/features.ts";
import { PROTOCOL_F_CONFIG } from "./messages.ts";
import type { RingAddresses } from "./payloads.ts";

/** What a front-end has said of one ring. */
export interface RingState {
  size: number;
  addresses: RingAddresses | undefined;
  /** Where the ring is to start, or stopped last; undefined: at its start. */
  base: number | undefined;
  /**
   * GET_VRING_BASE was answered for a ring of which nothing is known: a front-end
   * that has connected again asks so, and says the answer back to start it.
   */
  baseUnknown: boolean;
  /** SET_VRING_KICK has come, and GET_VRING_BASE not since. */
  started: boolean;
  /** What SET_VRING_ENABLE said; undefined before the first. */
  enabled: boolean | undefined;
  /** Since the ring stopped, its size, addresses or base were said anew. */
  told: boolean;
  /** Since the ring stopped, its base was said anew. */
  baseTold: boolean;
}

/** What a front-end has said. */
export interface FrontEndState {
  /** As SET_FEATURES had them, with bit 30. */
  features: bigint;
  /** SET_FEATURES has come since the last reset. */
  featuresTold: boolean;
  protocolFeatures: bigint;
  /** As SET_STATUS had it. */
  status: number;
  /** DRIVER_OK has come once, so it will come for every driver. */
  tellsDriverOk: boolean;
  readonly rings: readonly RingState[];
}

/** A ring of which nothing has been said. */
export function newRingState(): RingState {
  return {
    size: 0,
    addresses: undefined,
    base: undefined,
    baseUnknown: false,
    started: false,
    enabled: undefined,
    told: false,
    baseTold: false,
  };
}

/** A front-end that has said nothing. */
export function newFrontEndState(ringCount: number): FrontEndState {
  return {
    features: 0n,
    featuresTold: false,
    protocolFeatures: 0n,
    status: 0,
    tellsDriverOk: false,
    rings: Array.from({ length: ringCount }, newRingState),
  };
}

/**
 * Whether protocol features are those of a front-end that hands over control
 * queue and config space. QEMU's cryptodev keeps both, and negotiates no CONFIG.
 */
export function isGeneric(protocolFeatures: bigint): boolean {
  return (protocolFeatures & PROTOCOL_F_CONFIG) !== 0n;
}

/** How many rings the front-end may speak of: cryptodev has data rings alone. */
export function ringCount(
  { protocolFeatures, rings }: FrontEndState,
  dataQueueCount: number,
): number {
  return isGeneric(protocolFeatures) ? rings.length : dataQueueCount;
}

/** Whether rings are packed. */
export function isPacked({ features }: FrontEndState): boolean {
  return (features & F_RING_PACKED) !== 0n;
}

/**
 * Whether all rings are stopped, so that nothing may be sent to the front-end
 * but replies (vhost-user, "Suspended device state").
 */
export function isSuspended({ rings }: FrontEndState): boolean {
  return rings.every(({ started }) => !started);
}

/** Whether a ring is to be served as soon as its memory is there. */
export function mayRun(state: FrontEndState, ring: RingState): boolean {
  return ring.started && isEnabled(state, ring) && driverIsReady(state) &&
    ring.size > 0 && ring.addresses !== undefined;
}

/**
 * With bit 30 a ring waits for SET_VRING_ENABLE, which QEMU's cryptodev
 * negotiates and never sends.
 */
function isEnabled(
  { features, protocolFeatures }: FrontEndState,
  ring: RingState,
): boolean {
  const waits = isGeneric(protocolFeatures) &&
    (features & F_VHOST_USER_PROTOCOL_FEATURES) !== 0n;
  return ring.enabled ?? !waits;
}

/**
 * No buffer is consumed before DRIVER_OK (virtio 1.4 §2.1.2). QEMU 10.0 and 11.1
 * say FEATURES_OK and never DRIVER_OK, in generic and in cryptodev mode, so only
 * a front-end that has said it once is known to say it.
 */
function driverIsReady({ tellsDriverOk, status }: FrontEndState): boolean {
  return !tellsDriverOk || (status & STATUS_DRIVER_OK) !== 0;
}
