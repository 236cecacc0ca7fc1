/**
 * The built-in backends and how a backend is loaded by name.
 *
 * @module
 */

import { type Backend, CONTRACT_VERSION } from "./backend.ts";

type BackendModule = { readonly default: Backend };

/** Literal imports: they belong to the module graph and need no permission. */
const BUILT_IN: Readonly<Record<string, () => Promise<BackendModule>>> = {
  openssl: () => import("./openssl/openssl.ts"),
  noble: () => import("./noble/noble.ts"),
};

/** Names of the built-in backends, fastest first. */
export const BUILT_IN_BACKENDS: readonly string[] = Object.keys(BUILT_IN);

/**
 * Loads the built-in backend `name`.
 *
 * @throws {RangeError} for a name that is not built in
 * @throws {TypeError} for a backend of another contract version
 */
export async function loadBackend(name: string): Promise<Backend> {
  const load = BUILT_IN[name];
  if (!load) {
    throw new RangeError(
      `Cannot load backend "${name}": expected one of ` +
        BUILT_IN_BACKENDS.join(", "),
    );
  }
  const backend = (await load()).default;
  if (backend.contract !== CONTRACT_VERSION) {
    throw new TypeError(
      `Cannot use backend "${name}": it has contract ${backend.contract}, ` +
        `expected ${CONTRACT_VERSION}`,
    );
  }
  return backend;
}
