/**
 * The built-in backends and how a backend is loaded by name.
 *
 * @module
 */

import { hasForeignFunctions } from "../ffi/foreign_functions.ts";
import type { Backend, BackendOptions } from "./backend.ts";
import {
  BackendError,
  checkAsynchronousThread,
  checkBurstThread,
  checkModule,
  checkProbe,
  checkThread,
} from "./contract_check.ts";
import { errorWithPlace } from "./where_thrown.ts";
import { unusableBackend } from "./unusable_backend.ts";

type BackendModule = { readonly default: Backend };

/** Literal imports: they belong to the module graph and need no permission. */
type Loader = () => Promise<BackendModule>;

// What is absent is said, for whoever compiles this with fewer checks.
const BUILT_IN: Readonly<Record<string, Loader | undefined>> = {
  openssl: () => import("./openssl/openssl.ts"),
  "ipsec-mb": () => import("./ipsec_mb/ipsec_mb.ts"),
  webcrypto: () => import("./webcrypto/webcrypto.ts"),
  noble: () => import("./noble/noble.ts"),
  libgcrypt: () => import("./libgcrypt/libgcrypt.ts"),
  qat: () => import("./qat/qat.ts"),
  pkcs11: () => import("./pkcs11/pkcs11.ts"),
};

/** Those that call no native library. */
const PORTABLE: ReadonlySet<string> = new Set(["noble", "webcrypto"]);

/** Names of the built-in backends, fastest first. */
export const BUILT_IN_BACKENDS: readonly string[] = Object.keys(BUILT_IN);

/**
 * How a backend that a person named is found from any thread: a built-in name
 * and a URL such as `npm:my-backend` stay, a path becomes a URL. Any other word
 * is refused: a slip of the keyboard must not fetch and run a package.
 *
 * @param base what a relative path is relative to
 * @throws {BackendError} for a word that is none of these
 */
export function backendSpecifier(named: string, base: URL): string {
  if (named in BUILT_IN || /^[a-z][a-z0-9+.-]+:/i.test(named)) return named;
  if (/^\.{0,2}\//.test(named) || /\.[cm]?[jt]s$/.test(named)) {
    return new URL(named, base).href;
  }
  throw new BackendError(`Cannot find backend "${named}"`);
}

/**
 * Loads a backend: a built-in name or what {@linkcode backendSpecifier} made.
 *
 * @throws {BackendError} where it cannot be loaded or breaks the contract
 */
export async function loadBackend(specifier: string): Promise<Backend> {
  const backend = checkModule(await importModule(specifier), specifier);
  const { contract, name } = backend;
  const probe = (options: BackendOptions) =>
    checkProbe(backend.probe(options), specifier);
  switch (backend.runs) {
    case "bursts":
      return {
        contract,
        name,
        runs: "bursts",
        probe,
        open: (options) => checkBurstThread(backend.open(options), specifier),
      };
    case "asynchronous": {
      const { inFlight, deadlineMs } = backend;
      return {
        contract,
        name,
        runs: "asynchronous",
        ...(inFlight !== undefined && { inFlight }),
        ...(deadlineMs !== undefined && { deadlineMs }),
        probe,
        open: async (options) =>
          checkAsynchronousThread(await backend.open(options), specifier),
      };
    }
    default:
      return {
        contract,
        name,
        runs: backend.runs === "blocking" ? "blocking" : "operations",
        probe,
        open: (options) => checkThread(backend.open(options), specifier),
      };
  }
}

async function importModule(specifier: string): Promise<unknown> {
  const load = BUILT_IN[specifier];
  if (load && !PORTABLE.has(specifier) && !hasForeignFunctions()) {
    return { default: unusableBackend(specifier) };
  }
  if (load) return await load();
  try {
    return await import(specifier);
  } catch (error) {
    throw new BackendError(
      `Cannot load backend "${specifier}": ${errorWithPlace(error)}`,
    );
  }
}
