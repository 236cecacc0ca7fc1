/**
 * Which backends this machine has.
 *
 * @module
 */

import type { Backend, BackendOptions, Probe } from "./backend.ts";
import { BackendError } from "./contract_check.ts";
import { messageOf } from "./error_message.ts";
import { BUILT_IN_BACKENDS, loadBackend } from "./registry.ts";

/** A backend with what it found. */
export interface ProbedBackend {
  /** Loaded and looked at: its module keeps the contract. */
  readonly backend: Backend;
  /** What loads it again, on another thread. */
  readonly specifier: string;
  /** What it was probed with, and is opened with. */
  readonly options: BackendOptions;
  /** What it found. */
  readonly probe: Probe;
}

/** Options of backends, by the specifier of the backend. */
export type OptionsBySpecifier = Readonly<Record<string, BackendOptions>>;

/**
 * Probes backends, in the order given. One that throws is not ready.
 *
 * @param specifiers default: all built-in ones, fastest first
 * @throws {BackendError} where one cannot be loaded or breaks the contract
 */
export function probeBackends(
  specifiers: readonly string[] = BUILT_IN_BACKENDS,
  optionsOf: OptionsBySpecifier = {},
): Promise<ProbedBackend[]> {
  return Promise.all(specifiers.map(async (specifier) => {
    const backend = await loadBackend(specifier);
    const options = optionsOf[specifier] ?? {};
    const probe = tryProbe(backend, options);
    return { backend, specifier, options, probe };
  }));
}

function tryProbe(backend: Backend, options: BackendOptions): Probe {
  try {
    return backend.probe(options);
  } catch (error) {
    if (error instanceof BackendError) throw error;
    const reason = messageOf(error);
    return {
      ready: false,
      version: "unknown",
      offers: [],
      missing: [{
        what: `its probe threw "${reason}"`,
        remedy: "mend the backend: probe never throws",
      }],
      notOffered: {},
    };
  }
}
