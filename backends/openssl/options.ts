/**
 * The options of the backend, and what is missing where one cannot be had.
 *
 * @module
 */

import { LIBCRYPTO_SONAME } from "../../ffi/libcrypto.ts";
import type { BackendOptions, Missing } from "../backend.ts";

/** A provider to load. */
export interface ProviderChoice {
  readonly name: string;
  /** Its module, or the directory that holds it. */
  readonly path?: string;
}

/** The options, read. */
export interface OpensslOptions {
  readonly library: string;
  /** Absent: `default`, and `legacy` where there is one. */
  readonly providers?: readonly ProviderChoice[];
  readonly properties?: string;
  readonly engine?: string;
}

/** Something that an option asks for and this machine lacks. */
export class MissingError extends Error {
  override readonly name = "MissingError";
  readonly missing: Missing;

  constructor(missing: Missing) {
    super(missing.what);
    this.missing = missing;
  }
}

const PROVIDER = /^([^:]+)(?::(.+))?$/;

/** `NAME` or `NAME:PATH`. */
function readProvider(text: string): ProviderChoice {
  const [, name, path] = PROVIDER.exec(text) ?? [];
  if (name === undefined) {
    throw new MissingError({
      what: `a provider in "${text}"`,
      remedy: 'write the option "providers" as NAME or NAME:PATH, with commas',
      option: "providers",
    });
  }
  return path === undefined ? { name } : { name, path };
}

/** Throws {@linkcode MissingError} for what cannot be understood. */
export function readOpensslOptions(options: BackendOptions): OpensslOptions {
  const { library = LIBCRYPTO_SONAME, providers, properties, engine } = options;
  return {
    library,
    ...(providers === undefined
      ? {}
      : { providers: providers.split(",").map(readProvider) }),
    ...(properties === undefined ? {} : { properties }),
    ...(engine === undefined ? {} : { engine }),
  };
}
