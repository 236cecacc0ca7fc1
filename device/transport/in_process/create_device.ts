/**
 * Makes a device in this program from a person's options.
 *
 * @module
 */

import { probeBackends } from "../../../backends/probe.ts";
import { BUILT_IN_BACKENDS } from "../../../backends/registry.ts";
import { Device } from "../../device.ts";
import type { GuestKeyAccess } from "../../keys/key_store.ts";
import { withLocalLane } from "../../lane/local_lane.ts";
import type { Failure } from "../../session/failure.ts";
import type { Fallback, PlacementPolicy } from "../../session/placement.ts";
import {
  parsePlacementRule,
  type PlacementRule,
  RULE_FORM,
} from "../../session/placement_rule.ts";
import type { Layout } from "../../wire/mode.ts";
import {
  readWithheld,
  type Withholdable,
  WITHHOLDABLE_IN_PROCESS,
} from "../../withheld.ts";
import { InProcessLink } from "./in_process.ts";
import type { InProcessDevice } from "./in_process_device.ts";

/** How to make a device in this process. */
export interface DeviceOptions {
  /** Backends in order of preference. Default: `["noble"]`. */
  readonly backends?: readonly string[];
  /** Rules of placement, for example `"cipher.aes-cbc<2048=noble"`. */
  readonly rules?: readonly string[];
  /** When a session may move on to another backend. Default: `unsupported`. */
  readonly fallback?: Fallback;
  /** A policy of your own; it goes before the rules. */
  readonly policy?: PlacementPolicy;
  /** Data queues. Default: 1. */
  readonly dataQueues?: number;
  /** Sessions at a time. Default: 1024. */
  readonly maxSessions?: number;
  /** Largest sum of a request's variable parts. Default: 4 MiB. */
  readonly maxSizeBytes?: number;
  /** Request layout. Default: `"virtio"`. */
  readonly layout?: Layout;
  /** Offers algorithms with known weaknesses too. */
  readonly allowWeak?: boolean;
  /**
   * Features and services that are not offered, for example `"ring-packed"` or
   * `"akcipher"`. Default: none.
   */
  readonly without?: readonly string[];
  /** What the driver may use of a `KeyStore`. Default: nothing. */
  readonly keys?: GuestKeyAccess;
  /** Memory that driver and device share. Default: 32 MiB. */
  readonly memoryBytes?: number;
  /**
   * Hears of requests, sessions and backends that fail, of each cause once; the
   * driver is told by statuses, which have no reasons.
   */
  readonly onFailure?: (failure: Failure) => void;
}

function placementRule(text: string): PlacementRule {
  const rule = parsePlacementRule(text);
  if (rule) return rule;
  throw new RangeError(
    `Cannot use placement rule "${text}": expected ${RULE_FORM}`,
  );
}

function withholdable(names: readonly string[]): readonly Withholdable[] {
  const read = readWithheld(names, WITHHOLDABLE_IN_PROCESS);
  if (!("expected" in read)) return read;
  throw new RangeError(
    `Cannot withhold "${read.name}": expected ${read.expected}`,
  );
}

/**
 * Makes a virtio-crypto device in this process and connects to it; a `Driver`
 * runs it.
 *
 * @throws {RangeError} for an unknown backend, or for what cannot be withheld
 * @throws {Error} where a backend that was asked for is not ready
 */
export async function createDevice(
  options: DeviceOptions = {},
): Promise<InProcessDevice> {
  const without = withholdable(options.without ?? []);
  const backends = await probeBackends(options.backends ?? ["noble"]);
  for (const { backend, probe } of backends) {
    if (probe.ready) continue;
    const missing = probe.missing.map(({ what, remedy }) =>
      `${what} (${remedy})`
    );
    throw new Error(
      `Cannot use backend "${backend.name}": ${missing.join("; ")}. ` +
        `Built in are ${BUILT_IN_BACKENDS.join(", ")}`,
    );
  }
  const lanes = { ended: () => {} };
  const device = new Device({
    backends: backends.map((backend) =>
      withLocalLane(backend, () => lanes.ended(), options.onFailure)
    ),
    rules: (options.rules ?? []).map(placementRule),
    fallback: options.fallback ?? "unsupported",
    ...(options.policy ? { policy: options.policy } : {}),
    dataQueueCount: options.dataQueues ?? 1,
    maximumSessions: options.maxSessions ?? 1024,
    maximumSizeBytes: options.maxSizeBytes ?? 4 * 1024 * 1024,
    layout: options.layout ?? "virtio",
    allowWeak: options.allowWeak ?? false,
    administration: true,
    without,
    ...(options.keys && { keys: options.keys }),
  });
  const link = new InProcessLink(
    device,
    options.memoryBytes ?? 32 * 1024 * 1024,
    options.onFailure,
  );
  lanes.ended = () => link.laneEnded();
  return link;
}
