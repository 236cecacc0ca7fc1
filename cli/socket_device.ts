/**
 * From a socket's placement options to the device that serves it.
 *
 * @module
 */

import type { GuestKeyAccess, KeyStore } from "../device/keys/key_store.ts";
import { checkKeyRules } from "./key_options.ts";
import { BackendError } from "../backends/contract_check.ts";
import {
  type OptionsBySpecifier,
  probeBackends,
  type ProbedBackend,
} from "../backends/probe.ts";
import { backendSpecifier, BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { adoptImports } from "../backends/plugin_imports.ts";
import { standingPlace } from "../backends/standing_place.ts";
import { Device } from "../device/device.ts";
import type { LaneHost } from "../device/lane/lane_host.ts";
import { withWorkerLane } from "../device/lane/worker_lane.ts";
import type { Withholdable } from "../device/withheld.ts";
import { checkRules } from "./rule_check.ts";
import { throttleLimits } from "./limit_options.ts";
import { BACKEND_OPTIONS } from "./option_table.ts";
import { usage, UsageError } from "./option_values.ts";
import {
  type PlacementOptions,
  type ServeSettings,
  type SocketOptions,
} from "./parse_options.ts";

/** `act`, with what is wrong with a backend as the mistake that it is. */
async function ofNamed<Result>(
  named: string,
  act: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new UsageError(
      `${error.message} (--backend ${JSON.stringify(named)}: expected ${
        BUILT_IN_BACKENDS.join(", ")
      }, a path such as ./my_backend.ts, or npm:PACKAGE)`,
      "backend",
    );
  }
}

/** Looks at backends that a person has named. */
export async function probeNamed(
  names: readonly string[],
  options: OptionsBySpecifier,
): Promise<ProbedBackend[]> {
  const place = standingPlace();
  const specifiers = await Promise.all(
    names.map((name) => ofNamed(name, () => backendSpecifier(name, place))),
  );
  adoptImports(specifiers);
  return await Promise.all(
    specifiers.map((specifier, index) =>
      ofNamed(
        names[index]!,
        async () => (await probeBackends([specifier], options))[0]!,
      )
    ),
  );
}

/** Rules, counters and the log would say one name of two backends. */
function requireOwnName(named: string, { backend, specifier }: ProbedBackend) {
  const { name } = backend;
  if (specifier === name || !BUILT_IN_BACKENDS.includes(name)) return;
  throw usage(
    "backend",
    named,
    `a module whose backend has a name of its own, not that of ${name}`,
  );
}

function requireReady(named: string, { probe }: ProbedBackend): void {
  if (probe.ready) return;
  const missing = probe.missing.map(({ what, remedy }) => `${what}; ${remedy}`);
  throw usage(
    "backend",
    named,
    `a backend that is ready here, but it lacks: ${missing.join("; ")}`,
  );
}

/**
 * Refuses options of a backend that cannot follow them here. Nothing stands in
 * for it: the operator named it.
 */
export function requireOptions(backends: readonly ProbedBackend[]): void {
  for (const { backend, options, probe } of backends) {
    const missing = probe.missing.find(({ option }) => option) ??
      probe.missing[0];
    const entry = BACKEND_OPTIONS.find(({ sets }) =>
      sets.backend === backend.name && options[sets.option] !== undefined &&
      sets.option === (missing?.option ?? sets.option)
    );
    if (probe.ready || !missing || !entry) continue;
    throw usage(
      entry.name,
      options[entry.sets.option]!,
      `what this machine has, but ${backend.name} lacks ${missing.what}; ` +
        missing.remedy,
    );
  }
}

/** Finds backends for sockets, and asks none twice what it can. */
export class BackendFinder {
  readonly #settings: Pick<ServeSettings, "backendOptions" | "allowWeak">;
  readonly #found = new Map<string, Promise<readonly ProbedBackend[]>>();

  constructor(settings: Pick<ServeSettings, "backendOptions" | "allowWeak">) {
    this.#settings = settings;
  }

  /**
   * The backends of a socket, in order.
   *
   * @throws {UsageError} for backends, or rules for them, that cannot be used
   */
  find(socket: SocketOptions): Promise<readonly ProbedBackend[]> {
    const { backends, fallback, rules, without, limits } = socket;
    const { maxSizeBytes } = limits;
    const texts = rules.map(({ text }) => text);
    const key = JSON.stringify(
      [
        backends,
        fallback,
        texts,
        ...rules.length > 0 ? [without, maxSizeBytes] : [],
      ],
    );
    const found = this.#found.get(key) ?? this.#find(socket);
    this.#found.set(key, found);
    return found;
  }

  async #find(socket: SocketOptions): Promise<readonly ProbedBackend[]> {
    const { backendOptions, allowWeak } = this.#settings;
    const backends = await findBackends(socket, backendOptions);
    checkRules(socket, backends, allowWeak);
    return backends;
  }
}

async function findBackends(
  { backends: named, fallback }: PlacementOptions,
  options: OptionsBySpecifier,
): Promise<readonly ProbedBackend[]> {
  if (named === undefined) {
    const all = await probeBackends(undefined, options);
    requireOptions(all);
    return all.filter(({ probe }) => probe.ready);
  }
  const probed = await probeNamed(named, options);
  requireOptions(probed);
  probed.forEach((entry, index) => requireOwnName(named[index]!, entry));
  const names = probed.map(({ backend }) => backend.name);
  if (new Set(names).size !== names.length) {
    throw usage("backend", named.join(","), "backends with different names");
  }
  // With a fallback the others stand in for what this machine lacks; alone, or
  // without one, a backend that cannot work is a mistake.
  const ready = probed.filter(({ probe }) => probe.ready);
  if (fallback === "never" || ready.length === 0) {
    probed.forEach((entry, index) => requireReady(named[index]!, entry));
  }
  return probed;
}

/** A device and what could not be used of its backends. */
export interface SocketDevice {
  readonly device: Device;
  readonly backends: readonly ProbedBackend[];
  /** What the guest may use of the key store, if anything. */
  readonly keys?: GuestKeyAccess;
  /** What the operator withholds. */
  readonly without: readonly Withholdable[];
}

/**
 * Where identifiers begin: a guest may hold those of a process before, which must
 * not name new keys.
 */
function randomSessionId(): number {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return 1 + low! + (high! & 0xff) * 2 ** 32;
}

/**
 * Makes the device of one socket.
 *
 * @throws {UsageError} for backends or rules that cannot be used
 */
export async function createSocketDevice(
  socket: SocketOptions,
  settings: ServeSettings,
  lanes: LaneHost,
  store?: KeyStore,
  finder = new BackendFinder(settings),
): Promise<SocketDevice> {
  const backends = await finder.find(socket);
  const names = backends.map(({ backend }) => backend.name);
  if (store) checkKeyRules(store, socket.keyRules, names);
  const keys = socket.keyRules.length > 0
    ? store?.forGuest(socket.keyRules)
    : undefined;
  const device = new Device({
    backends: backends.map((backend) => withWorkerLane(backend, lanes)),
    rules: socket.rules,
    fallback: socket.fallback,
    dataQueueCount: settings.queues,
    maximumSessions: socket.limits.maxSessions,
    maximumSizeBytes: socket.limits.maxSizeBytes,
    throttle: throttleLimits(socket.limits),
    sessionsAcrossReset: settings.sessionsAcrossReset,
    firstSessionId: randomSessionId(),
    layout: settings.layout,
    allowWeak: settings.allowWeak,
    without: socket.without,
    administration: settings.ipsec,
    ...(keys && { keys }),
  });
  if (settings.ipsec && !device.associations) {
    device.close();
    throw new UsageError(
      `Cannot use option --ipsec: expected a backend that has an AEAD or a MAC ` +
        `of ESP and answers at once, and --backend names ${names.join(", ")}`,
    );
  }
  return { device, backends, without: socket.without, ...(keys && { keys }) };
}
