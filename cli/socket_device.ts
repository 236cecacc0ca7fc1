/**
 * From a socket's placement options to the device that serves it.
 *
 * @module
 */

import { BackendError } from "../backends/contract_check.ts";
import { probeBackends, type ProbedBackend } from "../backends/probe.ts";
import { backendSpecifier, BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { Device } from "../device/device.ts";
import {
  type PlacementOptions,
  type ServeSettings,
  usage,
  UsageError,
} from "./parse_options.ts";

const workingDirectory = (): URL => new URL(`file://${Deno.cwd()}/`);

async function probeNamed(named: string): Promise<ProbedBackend> {
  try {
    const specifier = backendSpecifier(named, workingDirectory());
    return (await probeBackends([specifier]))[0]!;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new UsageError(
      `${error.message} (--backend ${JSON.stringify(named)}: expected ${
        BUILT_IN_BACKENDS.join(", ")
      }, a path such as ./my_backend.ts, or npm:PACKAGE)`,
    );
  }
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

async function backendsOf(
  { backends: named, fallback }: PlacementOptions,
): Promise<ProbedBackend[]> {
  if (named === undefined) {
    return (await probeBackends()).filter(({ probe }) => probe.ready);
  }
  const probed = await Promise.all(named.map(probeNamed));
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

function checkRules(
  { rules }: PlacementOptions,
  backends: readonly ProbedBackend[],
): void {
  const names = backends.map(({ backend }) => backend.name);
  for (const { text, backend } of rules) {
    if (names.includes(backend)) continue;
    throw usage("place", text, `a backend out of ${names.join(", ")}`);
  }
}

/** A device and what could not be used of its backends. */
export interface SocketDevice {
  readonly device: Device;
  readonly backends: readonly ProbedBackend[];
}

/**
 * Makes the device of one socket.
 *
 * @throws {UsageError} for backends or rules that cannot be used
 */
export async function createSocketDevice(
  placement: PlacementOptions,
  settings: ServeSettings,
): Promise<SocketDevice> {
  const backends = await backendsOf(placement);
  checkRules(placement, backends);
  const device = new Device({
    backends,
    rules: placement.rules,
    fallback: placement.fallback,
    dataQueueCount: settings.queues,
    maximumSessions: settings.maxSessions,
    maximumSizeBytes: settings.maxSizeBytes,
    layout: settings.layout,
    allowWeak: settings.allowWeak,
  });
  return { device, backends };
}
