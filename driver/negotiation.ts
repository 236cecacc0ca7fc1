/**
 * Which features a driver takes of those that a device offers.
 *
 * @module
 */

import {
  F_ADMIN_VQ,
  F_EVENT_IDX,
  F_IN_ORDER,
  F_INDIRECT_DESC,
  F_NOTIFICATION_DATA,
  F_REVISION_1,
  F_RING_PACKED,
  F_RING_RESET,
  F_SUSPEND,
  F_VERSION_1,
  STATELESS_FEATURE,
  STATELESS_FEATURES,
} from "../device/wire/features.ts";

/** What an application wants of the features; `true` insists on them. */
export interface FeatureOptions {
  /** Accepts exactly these, whatever the other options say. */
  readonly features?: bigint;
  /** Packed rings. Default: no. */
  readonly packed?: boolean;
  /** Indirect descriptors. Default: where the device has them. */
  readonly indirect?: boolean;
  /** Event indices. Default: where the device has them. */
  readonly eventIndex?: boolean;
  /** Buffers are used in the order in which they were made available. Default: no. */
  readonly inOrder?: boolean;
  /** Kicks say how far the ring has come. Default: no. */
  readonly notificationData?: boolean;
  /** Queues can be reset one by one. Default: where the device can. */
  readonly ringReset?: boolean;
  /** The device can be suspended. Default: where it can. */
  readonly suspend?: boolean;
  /** The administration virtqueue, which the IPSEC service needs. Default: no. */
  readonly ipsec?: boolean;
  /** The unpadded request layouts. Default: no. */
  readonly revision1?: boolean;
  /** Requests without session, which need `revision1`. Default: no. */
  readonly stateless?: boolean;
}

/** As options of the device name them. */
const FEATURE_NAMES: readonly (readonly [bigint, string])[] = [
  [F_VERSION_1, "version-1"],
  [F_RING_PACKED, "ring-packed"],
  [F_IN_ORDER, "in-order"],
  [F_INDIRECT_DESC, "indirect"],
  [F_EVENT_IDX, "event-idx"],
  [F_NOTIFICATION_DATA, "notification-data"],
  [F_RING_RESET, "ring-reset"],
  [F_SUSPEND, "suspend"],
  [F_ADMIN_VQ, "ipsec"],
  [F_REVISION_1, "revision-1"],
  ...Object.entries(STATELESS_FEATURE)
    .map(([service, bit]) => [bit, `${service}-stateless`] as const),
];

/**
 * The features to accept.
 *
 * @throws Error when the device lacks one that the options insist on
 */
export function chooseFeatures(
  offered: bigint,
  options: FeatureOptions,
): bigint {
  if (options.features !== undefined) return options.features;
  const stateless = options.stateless ? STATELESS_FEATURES : 0n;
  const required = F_VERSION_1 | stateless |
    (options.packed ? F_RING_PACKED : 0n) |
    (options.inOrder ? F_IN_ORDER : 0n) |
    (options.notificationData ? F_NOTIFICATION_DATA : 0n) |
    (options.ringReset ? F_RING_RESET : 0n) |
    (options.suspend ? F_SUSPEND : 0n) |
    (options.ipsec ? F_ADMIN_VQ : 0n) |
    (options.indirect ? F_INDIRECT_DESC : 0n) |
    (options.eventIndex ? F_EVENT_IDX : 0n) |
    (options.revision1 || options.stateless ? F_REVISION_1 : 0n);
  const missing = required & ~offered;
  if (missing !== 0n) {
    const names = FEATURE_NAMES.filter(([bit]) => (missing & bit) !== 0n)
      .map(([, name]) => name);
    throw new Error(
      `Cannot start: the device does not offer ${names.join(", ")} (features ` +
        `0x${missing.toString(16)})`,
    );
  }
  const welcome = (options.indirect === undefined ? F_INDIRECT_DESC : 0n) |
    (options.eventIndex === undefined ? F_EVENT_IDX : 0n) |
    (options.ringReset === undefined ? F_RING_RESET : 0n) |
    (options.suspend === undefined ? F_SUSPEND : 0n);
  return required | (offered & welcome);
}
