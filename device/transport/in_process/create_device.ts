/**
 * Makes a device in this program from a person's options.
 *
 * @module
 */

import { closestName } from "../../../algorithms/closest_name.ts";
import { BackendError } from "../../../backends/contract_check.ts";
import { probeBackends, type ProbedBackend } from "../../../backends/probe.ts";
import {
  backendSpecifier,
  BUILT_IN_BACKENDS,
} from "../../../backends/registry.ts";
import { Device } from "../../device.ts";
import type { GuestKeyAccess } from "../../keys/key_store.ts";
import { withLocalLane } from "../../lane/local_lane.ts";
import type { Failure } from "../../session/failure.ts";
import {
  type Fallback,
  FALLBACKS,
  type PlacementPolicy,
} from "../../session/placement.ts";
import {
  parsePlacementRule,
  type PlacementRule,
  RULE_FORM,
} from "../../session/placement_rule.ts";
import {
  BPS_RANGE,
  OPS_RANGE,
  type ThrottleLimits,
  throttleOf,
} from "../../throttle.ts";
import { type Layout, LAYOUTS } from "../../wire/mode.ts";
import {
  readWithheld,
  type Withholdable,
  WITHHOLDABLE_IN_PROCESS,
} from "../../withheld.ts";
import { callerOf } from "./caller.ts";
import { InProcessLink } from "./in_process.ts";
import type { InProcessDevice } from "./in_process_device.ts";

/** What a number may be. */
interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

// The same as on the command line.
const QUEUES: Range = { minimum: 1, maximum: 64 };
const SESSIONS: Range = { minimum: 1, maximum: 1_000_000 };
const SIZE_BYTES: Range = { minimum: 4096, maximum: 256 * 1024 * 1024 };
/** Rings take most of the least; addresses within are 32-bit integers. */
const MEMORY_BYTES: Range = { minimum: 65536, maximum: 2 ** 31 - 1 };

/** How to make a device in this process. */
export interface DeviceOptions {
  /**
   * Backends in order of preference: built-in names, `npm:PACKAGE`, URLs, or
   * paths, which are relative to the file that calls. Default: `["noble"]`.
   */
  readonly backends?: readonly (string | URL)[];
  /** Rules of placement, for example `"cipher.aes-cbc<2048=noble"`. */
  readonly rules?: readonly string[];
  /** When a session may move on to another backend. Default: `unsupported`. */
  readonly fallback?: Fallback;
  /** A policy of your own; it goes before the rules. */
  readonly policy?: PlacementPolicy;
  /** Data queues, 1 to 64. Default: 1. */
  readonly dataQueues?: number;
  /** Sessions at a time, 1 to 1000000. Default: 1024. */
  readonly maxSessions?: number;
  /**
   * Largest sum of a request's variable parts (IV, source, destination, …), 4096
   * bytes to 256 MiB. Default: 4 MiB.
   */
  readonly maxSizeBytes?: number;
  /**
   * Requests per second, 1 to 1000000000; what is more waits. Default: as many as
   * come.
   */
  readonly throttleOps?: number;
  /** Requests that may come at once. Default: a tenth of `throttleOps`. */
  readonly throttleOpsBurst?: number;
  /**
   * Bytes per second that requests bring, 1024 to 10^12; what is more waits.
   * Default: as many as come.
   */
  readonly throttleBps?: number;
  /** Bytes that may come at once. Default: a tenth of `throttleBps`. */
  readonly throttleBpsBurst?: number;
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
  /** Memory that driver and device share, from 64 KiB on. Default: 32 MiB. */
  readonly memoryBytes?: number;
  /**
   * Hears of requests, sessions and backends that fail, of each cause once; the
   * driver is told by statuses, which have no reasons.
   */
  readonly onFailure?: (failure: Failure) => void;
}

/** `actual` and `expected` as in `maxSessions is 0, expected 1 to 9`. */
function wrong(option: string, actual: string, expected: string): RangeError {
  return new RangeError(
    `Cannot make a device: ${option} is ${actual}, expected ${expected}`,
  );
}

const meant = (name: unknown, names: readonly string[]): string => {
  const near = typeof name === "string" ? closestName(name, names) : undefined;
  return near === undefined ? "" : `; did you mean "${near}"?`;
};

const OPTION_NAMES = [
  "backends",
  "rules",
  "fallback",
  "policy",
  "dataQueues",
  "maxSessions",
  "maxSizeBytes",
  "throttleOps",
  "throttleOpsBurst",
  "throttleBps",
  "throttleBpsBurst",
  "layout",
  "allowWeak",
  "without",
  "keys",
  "memoryBytes",
  "onFailure",
] as const satisfies readonly (keyof DeviceOptions)[];

function wordOf<Word extends string>(
  option: string,
  value: Word,
  words: readonly Word[],
): Word {
  if (words.includes(value)) return value;
  const expected = `${words.join(" or ")}${meant(value, words)}`;
  throw wrong(option, JSON.stringify(value), expected);
}

function numberOf(
  option: string,
  value: number,
  { minimum, maximum }: Range,
): number {
  const fits = Number.isSafeInteger(value) && value >= minimum &&
    value <= maximum;
  if (fits) return value;
  const expected = `a whole number from ${minimum} to ${maximum}`;
  const shown = typeof value === "string" ? JSON.stringify(value) : `${value}`;
  throw wrong(option, shown, expected);
}

function placementRule(text: string, index: number): PlacementRule {
  const rule = parsePlacementRule(text);
  if (rule) return rule;
  throw wrong(`rules[${index}]`, JSON.stringify(text), RULE_FORM);
}

function throttleLimits(options: DeviceOptions): ThrottleLimits | undefined {
  const rate = (
    option:
      | "throttleOps"
      | "throttleOpsBurst"
      | "throttleBps"
      | "throttleBpsBurst",
    range: Range,
  ) => {
    const value = options[option];
    return value === undefined ? undefined : numberOf(option, value, range);
  };
  const ops = rate("throttleOps", OPS_RANGE);
  const bps = rate("throttleBps", BPS_RANGE);
  const opsBurst = rate("throttleOpsBurst", OPS_RANGE);
  const bpsBurst = rate("throttleBpsBurst", BPS_RANGE);
  if (ops === undefined && opsBurst !== undefined) {
    throw wrong("throttleOpsBurst", `${opsBurst}`, "throttleOps besides");
  }
  if (bps === undefined && bpsBurst !== undefined) {
    throw wrong("throttleBpsBurst", `${bpsBurst}`, "throttleBps besides");
  }
  return throttleOf({ ops, opsBurst, bps, bpsBurst });
}

function withholdable(names: readonly string[]): readonly Withholdable[] {
  const read = readWithheld(names, WITHHOLDABLE_IN_PROCESS);
  if (!("expected" in read)) return read;
  throw new RangeError(
    `Cannot withhold "${read.name}": expected ${read.expected}`,
  );
}

/** How each backend is found; paths are relative to `base`. */
function specifiersOf(
  backends: readonly (string | URL)[],
  base: URL | undefined,
): string[] {
  const forms = `${BUILT_IN_BACKENDS.join(", ")}, a path such as ` +
    "./my_backend.ts, a URL, or npm:PACKAGE";
  if (backends.length === 0) throw wrong("backends", "empty", forms);
  return backends.map((named, index) => {
    if (named instanceof URL) return named.href;
    const isRelative = /^\.{1,2}\//.test(named) || /\.[cm]?[jt]s$/.test(named);
    const hasBase = base !== undefined || !isRelative;
    try {
      if (hasBase) return backendSpecifier(named, base ?? new URL("file:///"));
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
    }
    const expected = hasBase
      ? `${forms}${meant(named, BUILT_IN_BACKENDS)}`
      : "a URL, for example new URL(path, import.meta.url)";
    throw wrong(`backends[${index}]`, JSON.stringify(named), expected);
  });
}

/** Every backend is ready, of a name of its own, and each rule's is there. */
function checkBackends(
  backends: readonly ProbedBackend[],
  rules: readonly PlacementRule[],
): void {
  const names = backends.map(({ backend }) => backend.name);
  const again = names.find((name, index) => names.indexOf(name) !== index);
  if (again !== undefined) {
    const expected = "backends with different names";
    throw wrong("backends", `a list with "${again}" twice`, expected);
  }
  rules.forEach(({ text, backend }, index) => {
    if (names.includes(backend)) return;
    const expected = `a backend out of ${names.join(", ")}` +
      meant(backend, names);
    throw wrong(`rules[${index}]`, JSON.stringify(text), expected);
  });
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
}

/** What a device is made of, but for its backends. */
function settingsOf(options: DeviceOptions) {
  return {
    rules: (options.rules ?? []).map(placementRule),
    fallback: wordOf("fallback", options.fallback ?? "unsupported", FALLBACKS),
    ...(options.policy ? { policy: options.policy } : {}),
    dataQueueCount: numberOf("dataQueues", options.dataQueues ?? 1, QUEUES),
    maximumSessions: numberOf(
      "maxSessions",
      options.maxSessions ?? 1024,
      SESSIONS,
    ),
    maximumSizeBytes: numberOf(
      "maxSizeBytes",
      options.maxSizeBytes ?? 4 * 1024 * 1024,
      SIZE_BYTES,
    ),
    throttle: throttleLimits(options),
    layout: wordOf("layout", options.layout ?? "virtio", LAYOUTS),
    allowWeak: options.allowWeak ?? false,
    administration: true,
    without: withholdable(options.without ?? []),
    ...(options.keys && { keys: options.keys }),
  };
}

function checkNames(options: DeviceOptions): void {
  for (const name of Object.keys(options)) {
    if ((OPTION_NAMES as readonly string[]).includes(name)) continue;
    throw new TypeError(
      `Cannot make a device: there is no option "${name}", expected ` +
        `${OPTION_NAMES.join(", ")}${meant(name, OPTION_NAMES)}`,
    );
  }
}

/**
 * Makes a virtio-crypto device in this process and connects to it; a `Driver`
 * runs it.
 *
 * @throws {TypeError} for an option that there is not
 * @throws {RangeError} for a value that an option does not take, such as an
 * unknown backend, a rule for a backend that is not listed, a size that is
 * negative, or what cannot be withheld
 * @throws {BackendError} where a backend of one's own cannot be loaded or breaks
 * the contract
 * @throws {Error} where a backend that was asked for is not ready; it says what
 * is missing
 */
export async function createDevice(
  options: DeviceOptions = {},
): Promise<InProcessDevice> {
  checkNames(options);
  const { backends: named = ["noble"], onFailure } = options;
  const specifiers = specifiersOf(named, callerOf(import.meta.url));
  const settings = settingsOf(options);
  const memoryBytes = numberOf(
    "memoryBytes",
    options.memoryBytes ?? 32 * 1024 * 1024,
    MEMORY_BYTES,
  );
  const backends = await probeBackends(specifiers);
  checkBackends(backends, settings.rules);
  const lanes = { ended: () => {} };
  const device = new Device({
    backends: backends.map((backend) =>
      withLocalLane(backend, () => lanes.ended(), onFailure)
    ),
    ...settings,
  });
  const link = new InProcessLink(device, memoryBytes, onFailure);
  lanes.ended = () => link.laneEnded();
  return link;
}
