/**
 * From the words of the command line to validated settings; every mistake is a
 * {@linkcode UsageError} of one line.
 *
 * @module
 */

import { DEFAULT_MINIMUM_BYTES } from "../backends/qat/minimum.ts";
import type { OptionsBySpecifier } from "../backends/probe.ts";
import { type Fallback, FALLBACKS } from "../device/session/placement.ts";
import { type Layout, LAYOUTS } from "../device/wire/mode.ts";
import {
  parsePlacementRule,
  type PlacementRule,
  RULE_FORM,
} from "../device/session/placement_rule.ts";
import {
  ACROSS_RESET,
  type AcrossReset,
} from "../device/session/session_table.ts";
import {
  readWithheld,
  WITHHOLDABLE,
  type Withholdable,
} from "../device/withheld.ts";
import {
  UNSEALED_MEMORY,
  type UnsealedMemory,
} from "../device/transport/vhost_user/memory_guard.ts";
import type { KeyRule } from "../device/keys/key_use.ts";
import { type AccessOptions, accessOptions } from "./access.ts";
import {
  type HttpSettings,
  httpSettings,
  refuseWithIsolate,
} from "./http_options.ts";
import { keyRules, keySources, requirePinFile } from "./key_options.ts";
import { LOG_LEVELS, type LogSettings } from "./log.ts";
import { LOG_FORMATS } from "./log_format.ts";
import { type LimitOptions, limitOptions } from "./limit_options.ts";
import type { InheritedDescriptor } from "../keeper/inherited.ts";
import { BACKEND_OPTIONS, type OptionName } from "./option_table.ts";
import { JSON_OPTION, SHOWN_BACKENDS_OPTION } from "./options/answers.ts";
import { DEFAULTS } from "./options/defaults.ts";
import { SESSION_LAYOUTS } from "./options/guests.ts";
import { MAXIMUM_THREADS, STATE_CHOICES } from "./options/process.ts";
import {
  choice,
  collect,
  oneOf,
  scoped,
  usage,
  type Values,
  wholeNumber,
} from "./option_values.ts";
import { type SocketPlace, socketPlaces } from "./socket_places.ts";

export type SessionLayoutOption = (typeof SESSION_LAYOUTS)[number];
export type StateChoice = (typeof STATE_CHOICES)[number];

/** Which backends serve a socket's sessions. */
export interface PlacementOptions {
  /** As they were named; `undefined`: all that are ready. */
  readonly backends: readonly string[] | undefined;
  readonly rules: readonly PlacementRule[];
  readonly fallback: Fallback;
}

/** What is served on a socket. */
export interface SocketOptions extends PlacementOptions {
  /** What its guest may do with keys of the store. */
  readonly keyRules: readonly KeyRule[];
  /** Features and services that are not offered there. */
  readonly without: readonly Withholdable[];
  readonly limits: LimitOptions;
}

/** What `serve` was asked to do. */
export interface ServeSettings extends LogSettings {
  /** Where HTTP is answered; absent: nowhere. */
  readonly http: HttpSettings | undefined;
  readonly sockets: readonly SocketPlace[];
  readonly access: AccessOptions;
  /** Whether each socket has a process of its own. */
  readonly isolate: boolean;
  /** For every socket that has no options of its own. */
  readonly general: SocketOptions;
  /** By the name of the socket. */
  readonly bySocket: ReadonlyMap<string, SocketOptions>;
  /** By the name of a built-in backend. */
  readonly backendOptions: OptionsBySpecifier;
  /** Where the keys of the store are: directories and PKCS#11 URIs. */
  readonly keySources: readonly string[];
  readonly queues: number;
  /** Whether there is an administration queue. */
  readonly ipsec: boolean;
  readonly sessionsAcrossReset: AcrossReset;
  readonly state: StateChoice;
  /** Undefined: what suits this machine. */
  readonly unsealedMemory: UnsealedMemory | undefined;
  readonly layout: Layout;
  readonly sessionLayout: SessionLayoutOption;
  /** Threads for the data queues of all guests. */
  readonly threads: number;
  readonly spinMicroseconds: number;
  readonly allowWeak: boolean;
}

function placementOptions(
  values: Values,
  paths: readonly string[],
  path: string | undefined,
  base?: PlacementOptions,
): PlacementOptions {
  const of = (name: OptionName) => scoped(values, name, paths, path);
  const backends = onlyOne("backend", of("backend"));
  const fallback = onlyOne("fallback", of("fallback"));
  const rules = of("place").map(placementRule);
  return {
    backends: backends === undefined ? base?.backends : backendList(backends),
    rules: rules.length > 0 ? rules : base?.rules ?? [],
    fallback: fallback === undefined
      ? base?.fallback ?? "unsupported"
      : oneOf("fallback", fallback, FALLBACKS),
  };
}

/** What is withheld everywhere is withheld of `path`, too. */
function withoutOptions(
  values: Values,
  paths: readonly string[],
  path: string | undefined,
  base: readonly Withholdable[],
): readonly Withholdable[] {
  const texts = scoped(values, "without", paths, path);
  const names = texts.flatMap((text) => text.split(","));
  const read = readWithheld([...base, ...names], WITHHOLDABLE);
  if ("expected" in read) throw usage("without", read.name, read.expected);
  return read;
}

function socketOptions(
  values: Values,
  paths: readonly string[],
  path?: string,
  base?: SocketOptions,
): SocketOptions {
  return {
    ...placementOptions(values, paths, path, base),
    without: withoutOptions(values, paths, path, base?.without ?? []),
    limits: limitOptions(values, paths, path, base?.limits),
    keyRules: keyRules(values, paths, path, base?.keyRules ?? []),
  };
}

function backendOptions(values: Values): OptionsBySpecifier {
  const all: Record<string, Record<string, string>> = {};
  for (const { name, sets } of BACKEND_OPTIONS) {
    const texts = values.get(name);
    if (!texts) continue;
    const wrong = texts.find((text) => !sets.form.test(text));
    if (wrong !== undefined) throw usage(name, wrong, sets.expected);
    (all[sets.backend] ??= {})[sets.option] = texts.join(",");
  }
  return all;
}

/** Needs no qat, unlike options that a backend cannot do without. */
function withMinimum(
  values: Values,
  options: OptionsBySpecifier,
): OptionsBySpecifier {
  if (!values.has("qat-min-bytes")) return options;
  const bytes = wholeNumber(
    values,
    "qat-min-bytes",
    DEFAULT_MINIMUM_BYTES,
    0,
    256 * 1024 * 1024,
  );
  return { ...options, qat: { ...options["qat"], "min-bytes": `${bytes}` } };
}

/** Options of a backend that no socket uses are a mistake. */
function checkBackendOptionsUsed(
  values: Values,
  placements: readonly PlacementOptions[],
): void {
  for (const { name, sets } of BACKEND_OPTIONS) {
    const text = values.get(name)?.[0];
    if (text === undefined) continue;
    const isUsed = placements.some(({ backends }) =>
      !backends || backends.includes(sets.backend)
    );
    if (!isUsed) throw usage(name, text, `${sets.backend} among the backends`);
  }
}

function onlyOne(
  name: OptionName,
  texts: readonly string[],
): string | undefined {
  if (texts.length <= 1) return texts[0];
  throw usage(name, texts[1]!, "the option once, or once for each @SOCKET");
}

function placementRule(text: string): PlacementRule {
  const rule = parsePlacementRule(text);
  if (!rule) throw usage("place", text, RULE_FORM);
  return rule;
}

function backendList(text: string): string[] {
  const names = text.split(",");
  if (names.includes("") || new Set(names).size !== names.length) {
    throw usage("backend", text, "names with commas, each once");
  }
  return names;
}

function optionsBySocket(
  values: Values,
  paths: readonly string[],
): Pick<ServeSettings, "general" | "bySocket"> {
  const general = socketOptions(values, paths);
  const bySocket = new Map(
    paths.map((path) => [path, socketOptions(values, paths, path, general)]),
  );
  checkBackendOptionsUsed(values, [...bySocket.values()]);
  return { general, bySocket };
}

/** A guest's rings are 65 at most. */
const queueCount = (values: Values): number =>
  wholeNumber(
    values,
    "queues",
    DEFAULTS.queues,
    1,
    values.has("ipsec") ? 63 : 64,
  );

function requestLayout(values: Values): Layout {
  const layout = choice(values, "layout", LAYOUTS, "virtio");
  if (!values.has("ipsec") || layout === "virtio") return layout;
  throw usage("layout", layout, "virtio, since --ipsec needs it");
}

function serveSettings(
  values: Values,
  handedOver: () => readonly InheritedDescriptor[],
): ServeSettings {
  const sockets = socketPlaces(values, handedOver);
  const ofBackends = backendOptions(values);
  if (values.has("isolate")) {
    requirePinFile(ofBackends, "--isolate");
    refuseWithIsolate(values);
  }
  return {
    sockets,
    access: accessOptions(values),
    isolate: values.has("isolate"),
    ...optionsBySocket(values, sockets.map(({ name }) => name)),
    backendOptions: withMinimum(values, ofBackends),
    keySources: keySources(values),
    queues: queueCount(values),
    ipsec: values.has("ipsec"),
    state: choice(values, "state", STATE_CHOICES, "auto"),
    sessionsAcrossReset: choice(
      values,
      "sessions-across-reset",
      ACROSS_RESET,
      "drop",
    ),
    unsealedMemory: values.has("unsealed-memory")
      ? choice(values, "unsealed-memory", UNSEALED_MEMORY, "serve")
      : undefined,
    layout: requestLayout(values),
    sessionLayout: choice(values, "session-layout", SESSION_LAYOUTS, "auto"),
    threads: wholeNumber(
      values,
      "threads",
      navigator.hardwareConcurrency,
      1,
      MAXIMUM_THREADS,
    ),
    spinMicroseconds: wholeNumber(
      values,
      "spin",
      DEFAULTS.spinMicroseconds,
      0,
      1_000_000,
    ),
    allowWeak: values.has("allow-weak"),
    http: httpSettings(values),
    logLevel: choice(values, "log-level", LOG_LEVELS, "info"),
    logFormat: choice(values, "log-format", LOG_FORMATS, "text"),
  };
}

/** What `probe` was asked to show. */
export interface ProbeSettings {
  readonly json: boolean;
  /** As they were named; `undefined`: all that are built in. */
  readonly backends: readonly string[] | undefined;
  readonly backendOptions: OptionsBySpecifier;
}

/**
 * Reads the words after `probe`: `--json`, `--backend`, and the options of
 * backends.
 *
 * @throws {UsageError} naming option, value and what was expected
 */
export function parseProbeOptions(words: readonly string[]): ProbeSettings {
  const values = collect(words, [
    JSON_OPTION,
    SHOWN_BACKENDS_OPTION,
    ...BACKEND_OPTIONS,
  ]);
  const [list] = values.get("backend") ?? [];
  return {
    json: values.has("json"),
    backends: list === undefined ? undefined : backendList(list),
    backendOptions: backendOptions(values),
  };
}

/**
 * Reads the words after `serve`; `handedOver` tells what systemd has handed over
 * to this process.
 *
 * @throws {UsageError} naming option, value and what was expected
 */
export function parseServeOptions(
  words: readonly string[],
  handedOver: () => readonly InheritedDescriptor[] = () => [],
): ServeSettings {
  return serveSettings(collect(words), handedOver);
}
