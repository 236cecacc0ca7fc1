/**
 * What libcrypto on this machine offers.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import { LIBCRYPTO_SONAME, LibcryptoError } from "../../ffi/libcrypto.ts";
import { loadedPath } from "../../ffi/loaded_library.ts";
import type { BackendOptions, Missing, Offer, Probe } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { AEAD_NEEDS } from "./aead.ts";
import { CIPHER_NEEDS } from "./ciphers.ts";
import { DIGEST_NAMES } from "./digests.ts";
import { hasEveryCurve } from "./curve_arithmetic.ts";
import { CryptoLibrary } from "./library.ts";
import { MAC_NEEDS } from "./macs.ts";
import { mostPrimes } from "./multi_prime.ts";
import {
  MissingError,
  type OpensslOptions,
  readOpensslOptions,
} from "./options.ts";
import { providerRemedy } from "./remedies.ts";

const NOT_IN_OPENSSL = "not in OpenSSL";
const IN_LEGACY_PROVIDER = ["cipher.arc4", "cipher.des-ecb", "cipher.des-cbc"];

/** What is missing where the library cannot be used. */
function describeMissing(error: unknown, library: string): Missing {
  if (error instanceof MissingError) return error.missing;
  const what = messageOf(error);
  const reason = error instanceof LibcryptoError ? error.reason : "absent";
  return { what, remedy: remedyFor(reason, library) };
}

function remedyFor(
  reason: LibcryptoError["reason"],
  library: string,
): string {
  if (reason === "forbidden") return "run with --allow-ffi";
  if (library !== LIBCRYPTO_SONAME) {
    return 'set the option "library" to the path of libcrypto 3';
  }
  return "install libcrypto 3 (Debian 12: libssl3, Debian 13: libssl3t64)";
}

/** Why `algorithm` cannot be had, or `undefined`. */
function whyNot(
  library: CryptoLibrary,
  options: OpensslOptions,
  algorithm: Algorithm,
): string | undefined {
  const needs = needsOf(algorithm);
  if (needs === undefined) return NOT_IN_OPENSSL;
  const lacks = needs.cipher && !library.cipher(needs.cipher) ||
    needs.digest && !library.digest(needs.digest) ||
    needs.mac && !library.mac(needs.mac) ||
    needs.keyType && !library.hasKeyType(needs.keyType);
  if (lacks) return whyLacking(library, options, qualifiedName(algorithm));
  return algorithm.name === "ecdsa" && !hasEveryCurve(library)
    ? "this libcrypto lacks a curve"
    : undefined;
}

function whyLacking(
  library: CryptoLibrary,
  { providers, properties }: OpensslOptions,
  name: string,
): string {
  if (properties !== undefined) {
    return `no provider has it with the properties "${properties}"`;
  }
  if (!IN_LEGACY_PROVIDER.includes(name) || library.hasLegacy) {
    return providers
      ? "none of the chosen providers has it"
      : "this libcrypto was built without it";
  }
  return providers
    ? 'it is in the provider "legacy", which was not chosen'
    : `the provider "legacy" is missing: ${providerRemedy("legacy")}`;
}

/** EVP names whose presence means that an algorithm can be had. */
interface Needs {
  readonly cipher?: string;
  readonly digest?: string;
  readonly mac?: string;
  readonly keyType?: string;
}

function needsOf({ service, name }: Algorithm): Needs | undefined {
  const cipher = (evpName: string | undefined): Needs | undefined =>
    evpName === undefined ? undefined : { cipher: evpName };
  switch (service) {
    case "cipher":
      return cipher(CIPHER_NEEDS[name]);
    case "hash": {
      const digest = DIGEST_NAMES[name];
      return digest === undefined ? undefined : { digest };
    }
    case "mac":
      return MAC_NEEDS[name];
    case "aead":
      return cipher(AEAD_NEEDS[name]);
    case "akcipher":
      return { keyType: name === "rsa" ? "RSA" : "EC" };
  }
}

function offerOf(library: CryptoLibrary, algorithm: string): Offer {
  const rsaPrimes = algorithm === "akcipher.rsa"
    ? mostPrimes(library)
    : undefined;
  return { algorithm, ...(rsaPrimes !== undefined && { rsaPrimes }) };
}

function probeLibrary(library: CryptoLibrary, options: OpensslOptions): Probe {
  const offers: Offer[] = [];
  const notOffered: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const reason = whyNot(library, options, algorithm);
    const name = qualifiedName(algorithm);
    if (reason === undefined) offers.push(offerOf(library, name));
    else notOffered[name] = reason;
  }
  return {
    ready: offers.length > 0,
    version: `libcrypto ${library.version}`,
    library: loadedPath(options.library),
    offers,
    missing: offers.length > 0 ? [] : [nothingOffered(options)],
    notOffered,
  };
}

function nothingOffered({ properties }: OpensslOptions): Missing {
  return properties === undefined
    ? {
      what: "any algorithm: the chosen providers have none of the catalogue",
      remedy: 'name another provider too, for example "default"',
      option: "providers",
    }
    : {
      what: `any algorithm with the properties "${properties}"`,
      remedy: "load a provider that has some, or ask for other properties",
      option: "properties",
    };
}

/** Looks for libcrypto 3 and what the options name; never throws. */
export function probeOpenssl(options: BackendOptions): Probe {
  const path = options.library ?? LIBCRYPTO_SONAME;
  let library: CryptoLibrary;
  let read: OpensslOptions;
  try {
    read = readOpensslOptions(options);
    library = new CryptoLibrary(read);
  } catch (error) {
    return {
      ready: false,
      version: "libcrypto",
      library: path,
      offers: [],
      missing: [describeMissing(error, path)],
      notOffered: {},
    };
  }
  try {
    return probeLibrary(library, read);
  } finally {
    library.close();
  }
}
