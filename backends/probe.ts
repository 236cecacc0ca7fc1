/**
 * Which backends this machine has.
 *
 * @module
 */

import type { Backend, BackendOptions, Probe } from "./backend.ts";
import { BUILT_IN_BACKENDS, loadBackend } from "./registry.ts";

/** A backend with what it found. */
export interface ProbedBackend {
  readonly backend: Backend;
  readonly options: BackendOptions;
  readonly probe: Probe;
}

/**
 * Probes the named backends, in the order given.
 *
 * @param names default: all built-in ones, fastest first
 * @throws {RangeError} for an unknown name
 */
export function probeBackends(
  names: readonly string[] = BUILT_IN_BACKENDS,
): Promise<ProbedBackend[]> {
  return Promise.all(names.map(async (name) => {
    const backend = await loadBackend(name);
    return { backend, options: {}, probe: backend.probe({}) };
  }));
}
