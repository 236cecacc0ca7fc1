/**
 * The built-in backends and how a backend is loaded by name.
 *
 * @module
 */

import type { Backend } from "./backend.ts";
import {
  BackendError,
  checkModule,
  checkProbe,
  checkThread,
} from "./contract_check.ts";

type BackendModule = { readonly default: Backend };

/** Literal imports: they belong to the module graph and need no permission. */
const BUILT_IN: Readonly<Record<string, () => Promise<BackendModule>>> = {
  openssl: () => import("./openssl/openssl.ts"),
  noble: () => import("./noble/noble.ts"),
};

/** Names of the built-in backends, fastest first. */
export const BUILT_IN_BACKENDS: readonly string[] = Object.keys(BUILT_IN);

/**
 * How a backend that a person named is found from any thread: a built-in name
 * stays, a path becomes a URL, and another word is an npm package.
 *
 * @param base what a relative path is relative to
 */
export function backendSpecifier(named: string, base: URL): string {
  if (named in BUILT_IN || /^[a-z][a-z0-9+.-]+:/i.test(named)) return named;
  return /^\.{0,2}\//.test(named) || /\.[cm]?[jt]s$/.test(named)
    ? new URL(named, base).href
    : `npm:${named}`;
}

/**
 * Loads a backend: a built-in name or what {@linkcode backendSpecifier} made.
 *
 * @throws {BackendError} where it cannot be loaded or breaks the contract
 */
export async function loadBackend(specifier: string): Promise<Backend> {
  const backend = checkModule(await importModule(specifier), specifier);
  return {
    contract: backend.contract,
    name: backend.name,
    probe: (options) => checkProbe(backend.probe(options), specifier),
    open: (options) => checkThread(backend.open(options), specifier),
  };
}

async function importModule(specifier: string): Promise<unknown> {
  const load = BUILT_IN[specifier];
  if (load) return await load();
  try {
    return await import(specifier);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendError(
      `Cannot load backend "${specifier}": ${reason.split("\n")[0]}`,
    );
  }
}
