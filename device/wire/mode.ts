/**
 * Which of the standards' request layouts a device and its driver agreed on.
 *
 * @module
 */

import type { Service } from "../../algorithms/catalogue.ts";
import { F_REVISION_1, STATELESS_FEATURE } from "./features.ts";
import { SERVICES } from "./opcodes.ts";

/** `virtio` is the ratified layout, `draft-9` that of the draft of 2016. */
export type Layout = "virtio" | "draft-9";

/** All layouts, in the order of their numbers in a device's state. */
export const LAYOUTS: readonly Layout[] = ["virtio", "draft-9"];

/** What a device and its driver have agreed on. */
export interface WireMode {
  /** The standard, or the draft. */
  readonly layout: Layout;
  /** Requests are not padded to their legacy length. */
  readonly revision1: boolean;
  /** Services whose requests may carry all of their parameters. */
  readonly stateless: ReadonlySet<Service>;
  /** The same as a mask of service numbers, for the hot path. */
  readonly statelessMask: number;
}

/**
 * The mode after negotiation. Stateless mode requires REVISION_1 (virtio 1.4
 * §5.9.3.1), and the draft has no features of its own.
 */
export function wireMode(layout: Layout, acceptedFeatures: bigint): WireMode {
  const accepted = (feature: bigint) => (acceptedFeatures & feature) !== 0n;
  const revision1 = layout === "virtio" && accepted(F_REVISION_1);
  const stateless = SERVICES.filter((service) =>
    revision1 && accepted(STATELESS_FEATURE[service])
  );
  const statelessMask = stateless.reduce(
    (mask, service) => mask | 1 << SERVICES.indexOf(service),
    0,
  );
  return { layout, revision1, stateless: new Set(stateless), statelessMask };
}
