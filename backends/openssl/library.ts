/**
 * libcrypto as one thread uses it: a library context of its own, its providers,
 * and each algorithm fetched once.
 *
 * @module
 */

import {
  cString,
  type Handle,
  type Libcrypto,
  LIBCRYPTO_SONAME,
  type OpenedLibcrypto,
  openLibcrypto,
} from "../../ffi/libcrypto.ts";

/** The first version whose EVP_MAC_init() without a key starts afresh. */
const MAC_RESTART_VERSION_NUMBER = 0x30000030;

type Fetch = (
  context: Handle,
  name: Uint8Array<ArrayBuffer>,
  properties: null,
) => Deno.PointerValue;

/** Throws unless `pointer` is an object. */
export function present(pointer: Deno.PointerValue, what: string): Handle {
  if (pointer === null) throw new Error(`libcrypto: ${what} failed`);
  return pointer;
}

/** Throws unless a call returned 1. */
export function succeed(result: number, what: string): void {
  if (result !== 1) throw new Error(`libcrypto: ${what} failed`);
}

/** A private library context and what has been fetched in it. */
export class CryptoLibrary {
  readonly symbols: Libcrypto;
  readonly version: string;
  readonly context: Handle;
  /** Whether RC4 and single DES are there. */
  readonly hasLegacy: boolean;
  /** Whether a keyed EVP_MAC_CTX can be started again as it is. */
  readonly restartsMacs: boolean;
  readonly #opened: OpenedLibcrypto;
  readonly #providers: Handle[] = [];
  readonly #ciphers = new Map<string, Handle | null>();
  readonly #digests = new Map<string, Handle | null>();
  readonly #macs = new Map<string, Handle | null>();

  constructor(library = LIBCRYPTO_SONAME) {
    this.#opened = openLibcrypto(library);
    this.symbols = this.#opened.symbols;
    this.version = this.#opened.version;
    this.restartsMacs =
      this.#opened.versionNumber >= MAC_RESTART_VERSION_NUMBER;
    this.context = present(
      this.symbols.OSSL_LIB_CTX_new(),
      "OSSL_LIB_CTX_new()",
    );
    // Loading any provider by hand ends the automatic loading of "default".
    const hasDefault = this.#load("default");
    this.hasLegacy = this.#load("legacy");
    if (!hasDefault) {
      this.close();
      throw new Error("libcrypto: no default provider");
    }
  }

  #load(name: string): boolean {
    const provider = this.symbols.OSSL_PROVIDER_load(
      this.context,
      cString(name),
    );
    if (provider === null) {
      this.clearErrors();
      return false;
    }
    this.#providers.push(provider);
    return true;
  }

  /** The cipher of this name, or null where no provider has it. */
  cipher(name: string): Handle | null {
    return this.#fetch(this.#ciphers, this.symbols.EVP_CIPHER_fetch, name);
  }

  digest(name: string): Handle | null {
    return this.#fetch(this.#digests, this.symbols.EVP_MD_fetch, name);
  }

  mac(name: string): Handle | null {
    return this.#fetch(this.#macs, this.symbols.EVP_MAC_fetch, name);
  }

  #fetch(
    fetched: Map<string, Handle | null>,
    fetch: Fetch,
    name: string,
  ): Handle | null {
    const known = fetched.get(name);
    if (known !== undefined) return known;
    const found = fetch(this.context, cString(name), null);
    if (found === null) this.clearErrors();
    fetched.set(name, found);
    return found;
  }

  /** Empties this thread's error queue, which a failed call has filled. */
  clearErrors(): void {
    this.symbols.ERR_clear_error();
  }

  /** Gives everything back; all contexts made with it are freed before. */
  close(): void {
    const { symbols } = this;
    const free = (
      fetched: Map<string, Handle | null>,
      release: (handle: Handle) => void,
    ) => {
      for (const handle of fetched.values()) {
        if (handle !== null) release(handle);
      }
      fetched.clear();
    };
    free(this.#ciphers, symbols.EVP_CIPHER_free);
    free(this.#digests, symbols.EVP_MD_free);
    free(this.#macs, symbols.EVP_MAC_free);
    for (const provider of this.#providers) {
      symbols.OSSL_PROVIDER_unload(provider);
    }
    this.#providers.length = 0;
    symbols.OSSL_LIB_CTX_free(this.context);
    this.#opened.close();
  }
}

const KEPT_LENGTHS = 4096;
const keptLengths: (bigint | undefined)[] = [];

/** A length as a `size_t` argument; short lengths allocate once. */
export function sizeArgument(lengthBytes: number): bigint {
  if (lengthBytes >= KEPT_LENGTHS) return BigInt(lengthBytes);
  return keptLengths[lengthBytes] ??= BigInt(lengthBytes);
}
