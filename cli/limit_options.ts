/**
 * What one guest may take of the device: options for all sockets, and for single
 * ones.
 *
 * @module
 */

import {
  BPS_RANGE,
  OPS_RANGE,
  type ThrottleLimits,
  throttleOf,
} from "../device/throttle.ts";
import type { OptionName } from "./option_table.ts";
import { DEFAULTS } from "./options/defaults.ts";
import { scoped, usage, type Values, wholeNumberIn } from "./option_values.ts";

/** The limits of the guest on one socket. */
export interface LimitOptions {
  /** How many sessions it may hold. */
  readonly maxSessions: number;
  /** Largest sum of a request's variable parts. */
  readonly maxSizeBytes: number;
  /** Most of its memory that the device maps; undefined: as much as it shares. */
  readonly maxMemoryBytes: number | undefined;
  /** Requests and bytes per second; undefined: as many as it likes. */
  readonly throttleOps: number | undefined;
  readonly throttleBps: number | undefined;
  /** Those at once; undefined: what suits the rate. */
  readonly throttleOpsBurst: number | undefined;
  readonly throttleBpsBurst: number | undefined;
}

const MAXIMUM_SESSIONS = 1_000_000;
const MINIMUM_SIZE_BYTES = 4096;
const MAXIMUM_SIZE_BYTES = 256 * 1024 * 1024;
const MINIMUM_MEMORY_BYTES = 4096;
const MAXIMUM_MEMORY_BYTES = 2 ** 47;

/** The limits of the socket at `path`; what it has not is that of all sockets. */
export function limitOptions(
  values: Values,
  paths: readonly string[],
  path: string | undefined,
  base: LimitOptions | undefined,
): LimitOptions {
  const rate = (name: OptionName, range: typeof OPS_RANGE | typeof BPS_RANGE) =>
    number(name, range.minimum, range.maximum);
  const number = (name: OptionName, minimum: number, maximum: number) => {
    const [text, more] = scoped(values, name, paths, path);
    if (more !== undefined) {
      throw usage(name, more, "the option once, or once for each @SOCKET");
    }
    return text === undefined
      ? undefined
      : wholeNumberIn(name, text, minimum, maximum);
  };
  const limits = {
    maxSessions: number("max-sessions", 1, MAXIMUM_SESSIONS) ??
      base?.maxSessions ?? DEFAULTS.maxSessions,
    maxSizeBytes: number("max-size", MINIMUM_SIZE_BYTES, MAXIMUM_SIZE_BYTES) ??
      base?.maxSizeBytes ?? DEFAULTS.maxSizeBytes,
    maxMemoryBytes:
      number("max-memory", MINIMUM_MEMORY_BYTES, MAXIMUM_MEMORY_BYTES) ??
        base?.maxMemoryBytes,
    throttleOps: rate("throttle-ops", OPS_RANGE) ?? base?.throttleOps,
    throttleOpsBurst: rate("throttle-ops-burst", OPS_RANGE) ??
      base?.throttleOpsBurst,
    throttleBps: rate("throttle-bps", BPS_RANGE) ?? base?.throttleBps,
    throttleBpsBurst: rate("throttle-bps-burst", BPS_RANGE) ??
      base?.throttleBpsBurst,
  };
  if (path !== undefined) requireRates(limits);
  return limits;
}

/** A burst alone limits nothing. */
function requireRates(limits: LimitOptions): void {
  const { throttleOps, throttleOpsBurst, throttleBps, throttleBpsBurst } =
    limits;
  if (throttleOpsBurst !== undefined && throttleOps === undefined) {
    const text = `${throttleOpsBurst}`;
    throw usage("throttle-ops-burst", text, "--throttle-ops besides");
  }
  if (throttleBpsBurst !== undefined && throttleBps === undefined) {
    const text = `${throttleBpsBurst}`;
    throw usage("throttle-bps-burst", text, "--throttle-bps besides");
  }
}

/** The rates of a guest; undefined where it has none. */
export function throttleLimits(
  limits: LimitOptions,
): ThrottleLimits | undefined {
  return throttleOf({
    ops: limits.throttleOps,
    opsBurst: limits.throttleOpsBurst,
    bps: limits.throttleBps,
    bpsBurst: limits.throttleBpsBurst,
  });
}
