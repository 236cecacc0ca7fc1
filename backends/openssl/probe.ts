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
import type { BackendOptions, Missing, Offer, Probe } from "../backend.ts";
import { AEAD_NEEDS } from "./aead_session.ts";
import { CIPHER_RECIPES } from "./ciphers.ts";
import { DIGEST_NAMES } from "./digests.ts";
import { CryptoLibrary } from "./library.ts";
import { MAC_RECIPES } from "./macs.ts";
import { hasEveryCurve } from "./native_keys.ts";

const NOT_IN_OPENSSL = "not in OpenSSL";
const IN_LEGACY_PROVIDER = ["cipher.arc4", "cipher.des-ecb", "cipher.des-cbc"];

/** What is missing where libcrypto 3 cannot be opened. */
function describeMissing(error: unknown, library: string): Missing {
  const what = error instanceof Error ? error.message : `${error}`;
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
  algorithm: Algorithm,
): string | undefined {
  const needs = needsOf(algorithm);
  if (needs === undefined) return NOT_IN_OPENSSL;
  const lacks = needs.cipher && !library.cipher(needs.cipher) ||
    needs.digest && !library.digest(needs.digest) ||
    needs.mac && !library.mac(needs.mac);
  if (lacks) {
    return IN_LEGACY_PROVIDER.includes(qualifiedName(algorithm)) &&
        !library.hasLegacy
      ? "the legacy provider is not installed (Debian 12: libssl3, " +
        "Debian 13: openssl-provider-legacy)"
      : "this libcrypto was built without it";
  }
  return algorithm.name === "ecdsa" && !hasEveryCurve(library)
    ? "this libcrypto lacks a curve"
    : undefined;
}

/** EVP names whose presence means that an algorithm can be had. */
interface Needs {
  readonly cipher?: string;
  readonly digest?: string;
  readonly mac?: string;
}

function needsOf({ service, name }: Algorithm): Needs | undefined {
  const cipher = (evpName: string | undefined): Needs | undefined =>
    evpName === undefined ? undefined : { cipher: evpName };
  switch (service) {
    case "cipher":
      return cipher(CIPHER_RECIPES[name]?.needs);
    case "hash": {
      const digest = DIGEST_NAMES[name];
      return digest === undefined ? undefined : { digest };
    }
    case "mac":
      return name === "gmac-aes"
        ? cipher("AES-128-GCM")
        : MAC_RECIPES[name]?.needs;
    case "aead":
      return cipher(AEAD_NEEDS[name]);
    case "akcipher":
      return {};
  }
}

function probeLibrary(library: CryptoLibrary, path: string): Probe {
  const offers: Offer[] = [];
  const notOffered: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const reason = whyNot(library, algorithm);
    const name = qualifiedName(algorithm);
    if (reason === undefined) offers.push({ algorithm: name });
    else notOffered[name] = reason;
  }
  return {
    ready: true,
    version: `libcrypto ${library.version}`,
    library: path,
    offers,
    missing: [],
    notOffered,
  };
}

/** Looks for libcrypto 3; never throws. */
export function probeOpenssl(options: BackendOptions): Probe {
  const path = options.library ?? LIBCRYPTO_SONAME;
  let library: CryptoLibrary;
  try {
    library = new CryptoLibrary(path);
  } catch (error) {
    return {
      ready: false,
      version: "",
      library: path,
      offers: [],
      missing: [describeMissing(error, path)],
      notOffered: {},
    };
  }
  try {
    return probeLibrary(library, path);
  } finally {
    library.close();
  }
}
