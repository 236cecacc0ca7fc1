/**
 * What libgcrypt on this machine offers.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  qualifiedName,
} from "../../algorithms/catalogue.ts";
import {
  type Libgcrypt,
  LIBGCRYPT_SONAME,
  LibgcryptError,
  type OpenedLibgcrypt,
  openLibgcrypt,
} from "../../ffi/libgcrypt.ts";
import { loadedPath } from "../../ffi/loaded_library.ts";
import type { BackendOptions, Offer, Probe } from "../backend.ts";
import { messageOf } from "../error_message.ts";
import { hasAead } from "./aead.ts";
import { hasCipher } from "./ciphers.ts";
import { hasHash, hasMac } from "./digests.ts";

const NOT_IN_LIBGCRYPT = "not in libgcrypt";
const KEYS_NOT_WIPED =
  "libgcrypt wipes such keys only in locked memory, which this backend does without";

/** Catalogue names that libgcrypt's algorithms cannot make up. */
const ABSENT: Readonly<Record<string, string>> = {
  "cipher.kasumi-f8": NOT_IN_LIBGCRYPT,
  "cipher.snow3g-uea2": NOT_IN_LIBGCRYPT,
  "cipher.zuc-eea3": NOT_IN_LIBGCRYPT,
  "mac.kasumi-f9": NOT_IN_LIBGCRYPT,
  "mac.snow3g-uia2": NOT_IN_LIBGCRYPT,
  "mac.cbcmac-kasumi-f9": NOT_IN_LIBGCRYPT,
  "mac.zuc-eia3": NOT_IN_LIBGCRYPT,
  "akcipher.rsa": KEYS_NOT_WIPED,
  "akcipher.ecdsa": KEYS_NOT_WIPED,
};

/** What an algorithm of this backend is composed from, where it is. */
const COMPOSED_FROM: Readonly<Record<string, string>> = {
  "cipher.aes-f8": "aes-cbc",
  "mac.cbcmac-aes": "aes-cbc",
  "mac.xcbc-aes": "aes-cbc",
};

const from = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Key lengths where libgcrypt takes fewer than the catalogue. */
const KEY_BYTES: Readonly<Record<string, readonly number[]>> = {
  "cipher.arc4": from(5, 256),
  "mac.gmac-twofish": [16, 32],
};

function has(symbols: Libgcrypt, algorithm: Algorithm): boolean {
  const { service, name } = algorithm;
  const base = COMPOSED_FROM[qualifiedName(algorithm)];
  if (base !== undefined) return hasCipher(symbols, base);
  switch (service) {
    case "cipher":
      return hasCipher(symbols, name);
    case "hash":
      return hasHash(symbols, name);
    case "mac":
      return hasMac(symbols, name);
    case "aead":
      return hasAead(symbols, name);
    case "akcipher":
      return false;
  }
}

function probeLibrary(
  { symbols, version }: OpenedLibgcrypt,
  library: string,
): Probe {
  const offers: Offer[] = [];
  const notOffered: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const name = qualifiedName(algorithm);
    const keyBytes = KEY_BYTES[name];
    if (ABSENT[name] !== undefined) notOffered[name] = ABSENT[name];
    else if (!has(symbols, algorithm)) {
      notOffered[name] = "this libgcrypt was built without it or forbids it";
    } else offers.push({ algorithm: name, ...(keyBytes && { keyBytes }) });
  }
  return {
    ready: true,
    version: `libgcrypt ${version}`,
    library: loadedPath(library),
    offers,
    missing: [],
    notOffered,
  };
}

function remedyFor(error: unknown, library: string): string {
  if (error instanceof LibgcryptError && error.reason === "forbidden") {
    return "run with --allow-ffi";
  }
  return library === LIBGCRYPT_SONAME
    ? "install libgcrypt 1.8 or later (Debian: libgcrypt20)"
    : 'set the option "library" to the path of libgcrypt.so.20';
}

/** Looks for libgcrypt; never throws. */
export function probeLibgcrypt(options: BackendOptions): Probe {
  const library = options.library ?? LIBGCRYPT_SONAME;
  let opened: OpenedLibgcrypt;
  try {
    opened = openLibgcrypt(library);
  } catch (error) {
    return {
      ready: false,
      version: "libgcrypt",
      library,
      offers: [],
      missing: [{
        what: messageOf(error),
        remedy: remedyFor(error, library),
      }],
      notOffered: {},
    };
  }
  try {
    return probeLibrary(opened, library);
  } finally {
    opened.close();
  }
}
