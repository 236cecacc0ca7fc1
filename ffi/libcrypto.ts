/**
 * libcrypto 3 (OpenSSL): the functions that the project calls, opened on first
 * use. Each parameter carries its C name.
 *
 * A `size_t` is given as a bigint: a number takes the slow way through the
 * runtime. A missing argument is `null`. What ends in `_kept` is the same function
 * over memory that stays, named by kept pointers, which cost a few ns less each
 * than typed arrays.
 *
 * @module
 */

import { whyNotOpened } from "./loaded_library.ts";

const P = "pointer";
const B = "buffer";
const I = "i32";
const U = "u32";
const Z = "usize";

const OPENSSL_INIT_NO_ATEXIT = 0x0008_0000n;

/** What exists in libcrypto 1.1 too, to tell its version. */
const VERSION_SYMBOLS = {
  OpenSSL_version_num: { parameters: [], result: "u64" },
} as const;

const SYMBOLS = {
  OPENSSL_init_crypto: {
    parameters: ["u64", /* opts */ P /* settings */],
    result: I,
  },
  OSSL_LIB_CTX_new: { parameters: [], result: P },
  OSSL_LIB_CTX_free: { parameters: [P /* ctx */], result: "void" },
  OSSL_PROVIDER_load: { parameters: [P, /* ctx */ B /* name */], result: P },
  OSSL_PROVIDER_get0_name: { parameters: [P /* prov */], result: P },
  OSSL_PROVIDER_unload: { parameters: [P /* provider */], result: I },
  EVP_set_default_properties: {
    parameters: [P, /* libctx */ B /* propq */],
    result: I,
  },
  ERR_clear_error: { parameters: [], result: "void" },
  ERR_get_error_all: {
    parameters: [B, /* file */ B, /* line */ B, /* func */ B, /* data */ B],
    result: "u64",
  },
  ERR_reason_error_string: { parameters: ["u64" /* e */], result: P },

  EVP_CIPHER_fetch: {
    parameters: [P, /* ctx */ B, /* algorithm */ B /* properties */],
    result: P,
  },
  EVP_CIPHER_get0_provider: { parameters: [P /* cipher */], result: P },
  EVP_CIPHER_free: { parameters: [P /* cipher */], result: "void" },
  EVP_CIPHER_CTX_new: { parameters: [], result: P },
  EVP_CIPHER_CTX_free: { parameters: [P /* ctx */], result: "void" },
  EVP_CIPHER_CTX_iv_noconst: {
    parameters: [P /* ctx */],
    result: P,
    optional: true,
  },
  EVP_CIPHER_CTX_ctrl: {
    parameters: [P, /* ctx */ I, /* type */ I, /* arg */ B /* ptr */],
    result: I,
  },
  EVP_CIPHER_CTX_set_padding: {
    parameters: [P, /* ctx */ I /* padding */],
    result: I,
  },
  EVP_CIPHER_CTX_set_key_length: {
    parameters: [P, /* ctx */ I /* keylen */],
    result: I,
  },
  EVP_CipherInit_ex2: {
    parameters: [
      P, /* ctx */
      P, /* cipher */
      B, /* key */
      B, /* iv */
      I, /* enc */
      P, /* params */
    ],
    result: I,
  },
  /** The bare cipher: no buffering, returns -1 where it failed. */
  EVP_Cipher: {
    parameters: [P, /* ctx */ B, /* out */ B, /* in */ U /* inl */],
    result: I,
  },
  EVP_Cipher_kept: {
    name: "EVP_Cipher",
    parameters: [P, /* ctx */ P, /* out */ P, /* in */ U /* inl */],
    result: I,
  },
  EVP_CipherUpdate: {
    parameters: [
      P, /* ctx */
      B, /* out */
      B, /* outl */
      B, /* in */
      I, /* inl */
    ],
    result: I,
  },
  EVP_CipherFinal_ex: {
    parameters: [P, /* ctx */ B, /* outm */ B /* outl */],
    result: I,
  },

  EVP_MD_fetch: {
    parameters: [P, /* ctx */ B, /* algorithm */ B /* properties */],
    result: P,
  },
  EVP_MD_get0_provider: { parameters: [P /* md */], result: P },
  EVP_MD_free: { parameters: [P /* md */], result: "void" },
  EVP_MD_CTX_new: { parameters: [], result: P },
  EVP_MD_CTX_free: { parameters: [P /* ctx */], result: "void" },
  EVP_DigestInit_ex2: {
    parameters: [P, /* ctx */ P, /* type */ P /* params */],
    result: I,
  },
  EVP_DigestUpdate: {
    parameters: [P, /* ctx */ B, /* d */ Z /* cnt */],
    result: I,
  },
  EVP_DigestUpdate_kept: {
    name: "EVP_DigestUpdate",
    parameters: [P, /* ctx */ P, /* d */ Z /* cnt */],
    result: I,
  },
  EVP_DigestFinal_ex: {
    parameters: [P, /* ctx */ B, /* md */ B /* s */],
    result: I,
  },
  EVP_DigestFinalXOF: {
    parameters: [P, /* ctx */ B, /* md */ Z /* len */],
    result: I,
  },

  EVP_MAC_fetch: {
    parameters: [P, /* libctx */ B, /* algorithm */ B /* properties */],
    result: P,
  },
  EVP_MAC_free: { parameters: [P /* mac */], result: "void" },
  EVP_MAC_CTX_new: { parameters: [P /* mac */], result: P },
  EVP_MAC_CTX_dup: { parameters: [P /* src */], result: P },
  EVP_MAC_CTX_free: { parameters: [P /* ctx */], result: "void" },
  EVP_MAC_init: {
    parameters: [P, /* ctx */ B, /* key */ Z, /* keylen */ P /* params */],
    result: I,
  },
  EVP_MAC_update: {
    parameters: [P, /* ctx */ B, /* data */ Z /* datalen */],
    result: I,
  },
  EVP_MAC_update_kept: {
    name: "EVP_MAC_update",
    parameters: [P, /* ctx */ P, /* data */ Z /* datalen */],
    result: I,
  },
  EVP_MAC_final: {
    parameters: [P, /* ctx */ B, /* out */ B, /* outl */ Z /* outsize */],
    result: I,
  },

  BN_bin2bn: {
    parameters: [B, /* s */ I, /* len */ P /* ret */],
    result: P,
  },
  BN_cmp: { parameters: [P, /* a */ P /* b */], result: I },
  BN_clear_free: { parameters: [P /* a */], result: "void" },
  BN_num_bits: { parameters: [P /* a */], result: I },
  EC_GROUP_new_by_curve_name_ex: {
    parameters: [P, /* libctx */ B, /* propq */ I /* nid */],
    result: P,
  },
  EC_GROUP_free: { parameters: [P /* group */], result: "void" },
  EC_GROUP_get0_order: { parameters: [P /* group */], result: P },
  EC_POINT_new: { parameters: [P /* group */], result: P },
  EC_POINT_free: { parameters: [P /* point */], result: "void" },
  EC_POINT_mul: {
    parameters: [
      P, /* group */
      P, /* r */
      P, /* n */
      P, /* q */
      P, /* m */
      P, /* ctx */
    ],
    result: I,
  },
  EC_POINT_oct2point: {
    parameters: [
      P, /* group */
      P, /* p */
      B, /* buf */
      Z, /* len */
      P, /* ctx */
    ],
    result: I,
  },
  EC_POINT_point2oct: {
    parameters: [
      P, /* group */
      P, /* p */
      I, /* form */
      B, /* buf */
      Z, /* len */
      P, /* ctx */
    ],
    result: Z,
  },

  EVP_PKEY_free: { parameters: [P /* pkey */], result: "void" },
  EVP_PKEY_CTX_new_from_name: {
    parameters: [P, /* libctx */ B, /* name */ B /* propquery */],
    result: P,
  },
  EVP_PKEY_CTX_new_from_pkey: {
    parameters: [P, /* libctx */ P, /* pkey */ B /* propquery */],
    result: P,
  },
  EVP_PKEY_CTX_free: { parameters: [P /* ctx */], result: "void" },
  EVP_PKEY_fromdata_init: { parameters: [P /* ctx */], result: I },
  EVP_PKEY_fromdata: {
    parameters: [
      P, /* ctx */
      B, /* ppkey */
      I, /* selection */
      P, /* params */
    ],
    result: I,
  },
  EVP_PKEY_CTX_set_rsa_padding: {
    parameters: [P, /* ctx */ I /* pad */],
    result: I,
  },
  EVP_PKEY_encrypt_init: { parameters: [P /* ctx */], result: I },
  EVP_PKEY_encrypt: {
    parameters: [
      P, /* ctx */
      B, /* out */
      B, /* outlen */
      B, /* in */
      Z, /* inlen */
    ],
    result: I,
  },
  EVP_PKEY_decrypt_init: { parameters: [P /* ctx */], result: I },
  EVP_PKEY_decrypt: {
    parameters: [
      P, /* ctx */
      B, /* out */
      B, /* outlen */
      B, /* in */
      Z, /* inlen */
    ],
    result: I,
  },
  EVP_PKEY_sign_init: { parameters: [P /* ctx */], result: I },
  EVP_PKEY_sign: {
    parameters: [
      P, /* ctx */
      B, /* sig */
      B, /* siglen */
      B, /* tbs */
      Z, /* tbslen */
    ],
    result: I,
  },
  EVP_PKEY_verify_init: { parameters: [P /* ctx */], result: I },
  EVP_PKEY_verify: {
    parameters: [
      P, /* ctx */
      B, /* sig */
      Z, /* siglen */
      B, /* tbs */
      Z, /* tbslen */
    ],
    result: I,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of an opened libcrypto 3. */
export type Libcrypto = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** A native object; never null. */
export type Handle = Deno.PointerObject;

/** An opened libcrypto with its version. */
export interface OpenedLibcrypto {
  readonly symbols: Libcrypto;
  /** For example 0x300000f0 for 3.0.15: 0xMNN00PP0. */
  readonly versionNumber: number;
  /** For example `3.0.15`. */
  readonly version: string;
  close(): void;
}

type OpenFailure = "absent" | "forbidden" | "too old";

/** Why libcrypto 3 could not be opened. */
export class LibcryptoError extends Error {
  override readonly name = "LibcryptoError";
  readonly reason: OpenFailure;

  constructor(reason: OpenFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The soname of libcrypto 3. */
export const LIBCRYPTO_SONAME = "libcrypto.so.3";

const LOWEST_VERSION_NUMBER = 0x30000000;

/** OPENSSL_VERSION_STRING-like digits out of 0xMNN00PP0. */
function describeVersion(number: number): string {
  const major = number >>> 28;
  const minor = (number >>> 20) & 0xff;
  const patch = major >= 3 ? (number >>> 4) & 0xff : (number >>> 12) & 0xff;
  return `${major}.${minor}.${patch}`;
}

function readVersionNumber(library: string): number {
  let opened;
  try {
    opened = Deno.dlopen(library, VERSION_SYMBOLS);
  } catch (error) {
    throw new LibcryptoError(...whyNotOpened(library, error));
  }
  try {
    return Number(opened.symbols.OpenSSL_version_num());
  } finally {
    opened.close();
  }
}

/**
 * Opens libcrypto 3 from a path or soname.
 *
 * @throws {LibcryptoError} where there is none or it is older than 3
 */
export function openLibcrypto(library: string): OpenedLibcrypto {
  const versionNumber = readVersionNumber(library);
  const version = describeVersion(versionNumber);
  if (versionNumber < LOWEST_VERSION_NUMBER) {
    throw new LibcryptoError(
      "too old",
      `"${library}" is libcrypto ${version}, expected 3.0 or later`,
    );
  }
  const opened = Deno.dlopen(library, SYMBOLS);
  // First of all calls: the library's own end, while other threads of the process
  // end too, now and then finds its heap broken. All that it has is closed here.
  opened.symbols.OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, null);
  return {
    symbols: opened.symbols,
    versionNumber,
    version,
    close: () => opened.close(),
  };
}

/**
 * A copy whose bytes never move: an explicit ArrayBuffer lies outside the
 * garbage-collected heap, a short typed array may not.
 */
export function fixedBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const fixed = new Uint8Array(new ArrayBuffer(bytes.length));
  fixed.set(bytes);
  return fixed;
}
