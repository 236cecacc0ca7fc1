/**
 * What an operator keeps back of the features and services that the device has.
 *
 * @module
 */

import type { Service } from "../algorithms/catalogue.ts";
import type { Offer } from "../backends/backend.ts";
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
  STATELESS_FEATURE,
} from "./wire/features.ts";
import { SERVICES } from "./wire/opcodes.ts";

type StatelessName = `${Service}-stateless`;

/** Features that every transport carries. */
const FEATURES = {
  "ring-packed": F_RING_PACKED,
  "in-order": F_IN_ORDER,
  "indirect": F_INDIRECT_DESC,
  "event-idx": F_EVENT_IDX,
  "revision-1": F_REVISION_1,
  "cipher-stateless": STATELESS_FEATURE.cipher,
  "hash-stateless": STATELESS_FEATURE.hash,
  "mac-stateless": STATELESS_FEATURE.mac,
  "aead-stateless": STATELESS_FEATURE.aead,
  "akcipher-stateless": STATELESS_FEATURE.akcipher,
} as const satisfies Record<StatelessName, bigint> & Record<string, bigint>;

/** Features that the transport in process adds. */
const IN_PROCESS_FEATURES = {
  "ring-reset": F_RING_RESET,
  "notification-data": F_NOTIFICATION_DATA,
  "suspend": F_SUSPEND,
  // The administration virtqueue has nothing else to carry.
  "ipsec": F_ADMIN_VQ,
} as const satisfies Record<string, bigint>;

type FeatureName =
  | keyof typeof FEATURES
  | keyof typeof IN_PROCESS_FEATURES;

/** The name of a feature or service, after the standard's own. */
export type Withholdable = FeatureName | Service;

const BITS: Readonly<Record<FeatureName, bigint>> = {
  ...FEATURES,
  ...IN_PROCESS_FEATURES,
};

const withServices = (features: object): readonly Withholdable[] => [
  ...Object.keys(features) as FeatureName[],
  ...SERVICES,
];

/** What can be withheld of a device over vhost-user. */
export const WITHHOLDABLE: readonly Withholdable[] = withServices(FEATURES);

/** What can be withheld of a device in process. */
export const WITHHOLDABLE_IN_PROCESS: readonly Withholdable[] = withServices(
  BITS,
);

/** What is not offered. */
export interface Withheld {
  readonly features: bigint;
  readonly services: readonly Service[];
  /** What of that nobody named: it needs something else that is withheld. */
  readonly implied: readonly Withholdable[];
}

/** What needs each feature or service (virtio 1.4 §5.9.3.1). */
function dependents(name: Withholdable): readonly Withholdable[] {
  if (name === "revision-1") {
    return SERVICES.map((service): StatelessName => `${service}-stateless`);
  }
  return isService(name) ? [`${name}-stateless`] : [];
}

/** Whether an offer's service is; algorithms are named after theirs. */
export function isWithheld(
  { algorithm }: Offer,
  { services }: Withheld,
): boolean {
  return services.some((service) => algorithm.startsWith(`${service}.`));
}

function isService(name: Withholdable): name is Service {
  return SERVICES.some((service) => service === name);
}

/** What is left out when `names` are, with all that needs one of them. */
export function withhold(names: readonly Withholdable[]): Withheld {
  const all = new Set([...names, ...names.flatMap(dependents)]);
  let features = 0n;
  for (const name of all) if (!isService(name)) features |= BITS[name];
  return {
    features,
    services: SERVICES.filter((service) => all.has(service)),
    implied: [...all].filter((name) => !names.includes(name)),
  };
}

/**
 * Takes `names` for what they are; otherwise tells the first that cannot be used
 * and what was expected in its place.
 */
export function readWithheld(
  names: readonly string[],
  withholdable: readonly Withholdable[],
): readonly Withholdable[] | {
  readonly name: string;
  readonly expected: string;
} {
  const known: Withholdable[] = [];
  for (const name of names) {
    const found = withholdable.find((candidate) => candidate === name);
    if (found === undefined) {
      return { name, expected: `one of ${withholdable.join(", ")}` };
    }
    known.push(found);
  }
  if (SERVICES.every((service) => known.includes(service))) {
    return { name: names.join(","), expected: "a service that stays" };
  }
  return known;
}
