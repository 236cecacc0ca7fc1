/**
 * What sessions a device takes, before anything of one is looked at: services that
 * it offers, and lengths of keys.
 *
 * @module
 */

import { ServiceNumber, SERVICES } from "./opcodes.ts";
import {
  type Refusal,
  type SessionParameters,
  unsupported,
} from "./session_parameters.ts";
import { Status } from "./status.ts";

/** Services and largest keys that the device's configuration space shows. */
export interface ServiceLimits {
  /** Mask of service numbers. */
  readonly services: number;
  readonly maxCipherKeyBytes: number;
  readonly maxAuthKeyBytes: number;
}

/**
 * The standard has no limit for AKCIPHER keys. The DER of an RSA private key of
 * 8192 bits, the catalogue's longest, takes about 4.7 kB.
 */
export const MAXIMUM_AKCIPHER_KEY_BYTES = 8192;

/**
 * Refuses services that are not offered, then keys above the device's limits,
 * before anything is read: of a service that is not there no limit is told.
 */
export function refuseBeyondLimits(
  parameters: SessionParameters,
  limits: ServiceLimits,
): Refusal | undefined {
  const { service, keyBytes, authKeyBytes } = parameters;
  if (!offers(limits, service)) return notOffered(service);
  const maximum = keyLimit(service, limits);
  if (keyBytes > maximum) return tooLong("key", keyBytes, maximum);
  if (authKeyBytes === 0) return undefined;
  if (!offers(limits, ServiceNumber.Mac)) return notOffered(ServiceNumber.Mac);
  return authKeyBytes > limits.maxAuthKeyBytes
    ? tooLong("authentication key", authKeyBytes, limits.maxAuthKeyBytes)
    : undefined;
}

const offers = ({ services }: ServiceLimits, service: ServiceNumber): boolean =>
  (services >>> service & 1) === 1;

const notOffered = (service: ServiceNumber): Refusal =>
  unsupported(`service ${SERVICES[service]} is not offered`);

function keyLimit(service: ServiceNumber, limits: ServiceLimits): number {
  switch (service) {
    case ServiceNumber.Mac:
      return limits.maxAuthKeyBytes;
    case ServiceNumber.Akcipher:
      return MAXIMUM_AKCIPHER_KEY_BYTES;
    default:
      return limits.maxCipherKeyBytes;
  }
}

function tooLong(name: string, bytes: number, maximum: number): Refusal {
  return {
    status: Status.Error,
    reason: `${name} of ${bytes} bytes, expected at most ${maximum}`,
  };
}
