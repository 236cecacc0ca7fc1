/**
 * The backends that take part in a bench.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Probe } from "../../backends/backend.ts";
import { adoptImports } from "../../backends/plugin_imports.ts";
import { probeBackends } from "../../backends/probe.ts";
import {
  backendSpecifier,
  BUILT_IN_BACKENDS,
} from "../../backends/registry.ts";
import { standingPlace } from "../../backends/standing_place.ts";

/** A backend that is ready. */
export interface BenchBackend {
  /** By its own name it stands in tables. */
  readonly name: string;
  /** What loads it in any process. */
  readonly specifier: string;
  readonly probe: Probe;
}

/** Whether it is somebody's own. */
export const isPlugin = ({ specifier }: BenchBackend): boolean =>
  !BUILT_IN_BACKENDS.includes(specifier);

/**
 * Those that `list` names, with commas: built-in names, paths as the person sees
 * them, packages. All that are ready where it is absent.
 *
 * @throws {RangeError} for one that is not ready, and for two of one name
 */
export async function chosenBackends(
  list?: string,
): Promise<readonly BenchBackend[]> {
  const place = standingPlace();
  const specifiers = list?.split(",")
    .map((word) => backendSpecifier(word, place));
  if (specifiers) adoptImports(specifiers);
  const probed = await probeBackends(specifiers);
  const backends = probed.map(({ backend, specifier, probe }) => ({
    name: backend.name,
    specifier,
    probe,
  }));
  if (list === undefined) return backends.filter(({ probe }) => probe.ready);
  for (const [index, { name, probe }] of backends.entries()) {
    if (backends.findIndex((one) => one.name === name) !== index) {
      throw new RangeError(`--backend: two backends have the name "${name}"`);
    }
    if (probe.ready) continue;
    const lacks = probe.missing.map(({ what, remedy }) => `${what}; ${remedy}`);
    throw new RangeError(`--backend: "${name}" lacks ${lacks.join("; ")}`);
  }
  return backends;
}

/** Those of a file of `deno bench FILE -- --backend LIST`. */
export function benchFileBackends(): Promise<readonly BenchBackend[]> {
  const { backend } = parseArgs({
    args: Deno.args,
    options: { backend: { type: "string" } },
  }).values;
  return chosenBackends(backend);
}
