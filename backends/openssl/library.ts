/**
 * libcrypto as one thread uses it: a library context of its own, its providers,
 * and each algorithm fetched once.
 *
 * @module
 */

import { cString } from "../../ffi/libc.ts";
import {
  type Handle,
  type Libcrypto,
  type OpenedLibcrypto,
  openLibcrypto,
} from "../../ffi/libcrypto.ts";
import {
  type HashName,
  type LibcryptoHash,
  type OpenedLibcryptoHash,
  openLibcryptoHash,
} from "../../ffi/libcrypto_hash.ts";
import { Engine } from "./engine.ts";
import { GcmTrials } from "./gcm_memory.ts";
import { KeptPointer } from "./kept_pointer.ts";
import {
  MissingError,
  type OpensslOptions,
  type ProviderChoice,
} from "./options.ts";
import { providerRemedy } from "./remedies.ts";

/** The first version whose EVP_MAC_init() without a key starts afresh. */
const MAC_RESTART_VERSION_NUMBER = 0x30000030;

/** By EVP name. */
const BARE_HASHES: Readonly<Record<string, HashName>> = {
  "MD5": "MD5",
  "SHA1": "SHA1",
  "SHA2-224": "SHA224",
  "SHA2-256": "SHA256",
  "SHA2-384": "SHA384",
  "SHA2-512": "SHA512",
};

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
  /** To the memory that short messages are copied to. */
  readonly keptPointer = new KeptPointer();
  readonly gcmTrials = new GcmTrials();
  readonly #path: string;
  readonly #opened: OpenedLibcrypto;
  readonly #providers: Handle[] = [];
  #engine: Engine | undefined;
  readonly #ciphers = new Map<string, Handle | null>();
  readonly #digests = new Map<string, Handle | null>();
  readonly #macs = new Map<string, Handle | null>();
  readonly #hashes = new Map<string, OpenedLibcryptoHash | null>();

  /** Throws {@linkcode MissingError} for an option that cannot be had. */
  constructor(options: OpensslOptions) {
    this.#path = options.library;
    this.#opened = openLibcrypto(options.library);
    this.symbols = this.#opened.symbols;
    this.version = this.#opened.version;
    this.restartsMacs =
      this.#opened.versionNumber >= MAC_RESTART_VERSION_NUMBER;
    this.context = present(
      this.symbols.OSSL_LIB_CTX_new(),
      "OSSL_LIB_CTX_new()",
    );
    try {
      this.hasLegacy = this.#loadProviders(options.providers);
      this.#setProperties(options.properties);
      if (options.engine !== undefined) {
        const takeError = () => this.takeError();
        this.#engine = new Engine(options.library, options.engine, takeError);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether legacy is among them. */
  #loadProviders(chosen: readonly ProviderChoice[] | undefined): boolean {
    // Loading any provider by hand ends the automatic loading of "default".
    const required = chosen ?? [{ name: "default" }];
    for (const provider of required) {
      if (this.#load(provider)) continue;
      throw new MissingError({
        what: `provider "${provider.name}": ${this.takeError()}`,
        remedy: providerRemedy(provider.name),
        ...(chosen && { option: "providers" }),
      });
    }
    const hasLegacy = chosen
      ? chosen.some(({ name }) => name === "legacy")
      : this.#load({ name: "legacy" });
    this.clearErrors();
    return hasLegacy;
  }

  #load({ name, path }: ProviderChoice): boolean {
    const provider = this.symbols.OSSL_PROVIDER_load(
      this.context,
      cString(path === undefined ? name : modulePath(name, path)),
    );
    if (provider !== null) this.#providers.push(provider);
    return provider !== null;
  }

  #setProperties(properties: string | undefined): void {
    if (properties === undefined) return;
    const set = this.symbols.EVP_set_default_properties(
      this.context,
      cString(properties),
    );
    if (set === 1) return;
    throw new MissingError({
      what: `a meaning of the properties "${properties}": ${this.takeError()}`,
      remedy: 'write them as property(7) has them, for example "fips=yes"',
      option: "properties",
    });
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

  /** Whether libcrypto's own default provider does a cipher, without an engine. */
  isDefaultCipher(name: string): boolean {
    return this.#isDefault(
      this.cipher(name),
      this.symbols.EVP_CIPHER_get0_provider,
    );
  }

  /**
   * The functions beside EVP of a hash of that provider, by its EVP name; null
   * where there are none.
   */
  hash(name: string): LibcryptoHash | null {
    const bare = BARE_HASHES[name];
    const known = this.#hashes.get(name);
    if (bare === undefined || known !== undefined) {
      return known?.symbols ?? null;
    }
    const provider = this.symbols.EVP_MD_get0_provider;
    const opened = this.#isDefault(this.digest(name), provider)
      ? openLibcryptoHash(this.#path, bare)
      : null;
    this.#hashes.set(name, opened);
    return opened?.symbols ?? null;
  }

  #isDefault(
    method: Handle | null,
    providerOf: (method: Handle) => Deno.PointerValue,
  ): boolean {
    if (method === null || this.#engine !== undefined) return false;
    const provider = providerOf(method);
    return provider !== null &&
      textAt(this.symbols.OSSL_PROVIDER_get0_name(provider)) === "default";
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

  /** Whether a key of this type can be had. */
  hasKeyType(name: string): boolean {
    const context = this.symbols.EVP_PKEY_CTX_new_from_name(
      this.context,
      cString(name),
      null,
    );
    if (context === null) this.clearErrors();
    else this.symbols.EVP_PKEY_CTX_free(context);
    return context !== null;
  }

  /** Why the last call failed, in words; empties this thread's error queue. */
  takeError(): string {
    const { symbols } = this;
    const data = new BigUint64Array(new ArrayBuffer(8));
    let text = "";
    while (text === "") {
      const code = symbols.ERR_get_error_all(null, null, null, data, null);
      if (code === 0n) break;
      text = textAt(Deno.UnsafePointer.create(data[0]!)) ||
        textAt(symbols.ERR_reason_error_string(code));
    }
    this.clearErrors();
    // dlopen's own words name the file once more.
    return text.replace(/^filename\(.*?\): /, "") || "no reason given";
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
    for (const hash of this.#hashes.values()) hash?.close();
    this.#hashes.clear();
    this.#engine?.close();
    symbols.OSSL_LIB_CTX_free(this.context);
    this.#opened.close();
  }
}

const textAt = (pointer: Deno.PointerValue): string =>
  pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);

/** The module of a provider, given by its own path or its directory's. */
function modulePath(name: string, path: string): string {
  return path.endsWith(".so") ? path : `${path}/${name}.so`;
}
