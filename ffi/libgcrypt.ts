/**
 * libgcrypt 1.8 and later: the functions that the project calls, opened and
 * initialised on first use. Each parameter carries its C name.
 *
 * Most functions return a gcry_error_t, whose low 16 bits are 0 for success. A
 * `size_t` is given as a bigint: a number takes the slow way through the
 * runtime.
 *
 * @module
 */

import { cString } from "./libc.ts";
import { whyNotOpened } from "./loaded_library.ts";

const P = "pointer";
const B = "buffer";
const I = "i32";
const U = "u32";
const Z = "usize";

const SYMBOLS = {
  gcry_check_version: { parameters: [B /* req_version */], result: P },
  // Variadic; the commands used here take one int. The psABIs of the platforms
  // that have this library pass it as they pass any other.
  gcry_control: { parameters: [I, /* cmd */ I /* … */], result: U },
  gcry_strerror: { parameters: [U /* err */], result: P },

  gcry_cipher_open: {
    parameters: [B, /* handle */ I, /* algo */ I, /* mode */ U /* flags */],
    result: U,
  },
  gcry_cipher_close: { parameters: [P /* h */], result: "void" },
  gcry_cipher_ctl: {
    parameters: [P, /* h */ I, /* cmd */ B, /* buffer */ Z /* buflen */],
    result: U,
  },
  gcry_cipher_algo_info: {
    parameters: [I, /* algo */ I, /* what */ B, /* buffer */ B /* nbytes */],
    result: U,
  },
  gcry_cipher_setkey: {
    parameters: [P, /* hd */ B, /* key */ Z /* keylen */],
    result: U,
  },
  gcry_cipher_setiv: {
    parameters: [P, /* hd */ B, /* iv */ Z /* ivlen */],
    result: U,
  },
  gcry_cipher_setctr: {
    parameters: [P, /* hd */ B, /* ctr */ Z /* ctrlen */],
    result: U,
  },
  gcry_cipher_encrypt: {
    parameters: [P, /* h */ B, /* out */ Z, /* outsize */ B, /* in */ Z],
    result: U,
  },
  gcry_cipher_decrypt: {
    parameters: [P, /* h */ B, /* out */ Z, /* outsize */ B, /* in */ Z],
    result: U,
  },
  gcry_cipher_authenticate: {
    parameters: [P, /* hd */ B, /* abuf */ Z /* abuflen */],
    result: U,
  },
  gcry_cipher_gettag: {
    parameters: [P, /* hd */ B, /* outtag */ Z /* taglen */],
    result: U,
  },
  gcry_cipher_checktag: {
    parameters: [P, /* hd */ B, /* intag */ Z /* taglen */],
    result: U,
  },

  gcry_md_open: {
    parameters: [B, /* h */ I, /* algo */ U /* flags */],
    result: U,
  },
  gcry_md_close: { parameters: [P /* hd */], result: "void" },
  gcry_md_reset: { parameters: [P /* hd */], result: "void" },
  gcry_md_write: {
    parameters: [P, /* hd */ B, /* buffer */ Z /* length */],
    result: "void",
  },
  /** The digest lies in the handle. */
  gcry_md_read: { parameters: [P, /* hd */ I /* algo */], result: P },
  gcry_md_extract: {
    parameters: [P, /* hd */ I, /* algo */ B, /* buffer */ Z /* length */],
    result: U,
  },
  gcry_md_algo_info: {
    parameters: [I, /* algo */ I, /* what */ B, /* buffer */ B /* nbytes */],
    result: U,
  },

  gcry_mac_open: {
    parameters: [B, /* handle */ I, /* algo */ U, /* flags */ P /* ctx */],
    result: U,
  },
  gcry_mac_close: { parameters: [P /* h */], result: "void" },
  gcry_mac_ctl: {
    parameters: [P, /* h */ I, /* cmd */ B, /* buffer */ Z /* buflen */],
    result: U,
  },
  gcry_mac_algo_info: {
    parameters: [I, /* algo */ I, /* what */ B, /* buffer */ B /* nbytes */],
    result: U,
  },
  gcry_mac_setkey: {
    parameters: [P, /* hd */ B, /* key */ Z /* keylen */],
    result: U,
  },
  gcry_mac_setiv: {
    parameters: [P, /* hd */ B, /* iv */ Z /* ivlen */],
    result: U,
  },
  gcry_mac_write: {
    parameters: [P, /* hd */ B, /* buffer */ Z /* length */],
    result: U,
  },
  gcry_mac_read: {
    parameters: [P, /* hd */ B, /* buffer */ B /* buflen */],
    result: U,
  },

  /** The C library's, which every library brings along. */
  dlopen: { parameters: [B, /* filename */ I /* flags */], result: P },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of an opened and initialised libgcrypt. */
export type Libgcrypt = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** An opened libgcrypt with its version. */
export interface OpenedLibgcrypt {
  readonly symbols: Libgcrypt;
  /** For example `1.10.1`. */
  readonly version: string;
  close(): void;
}

type OpenFailure = "absent" | "forbidden" | "too old";

/** Why libgcrypt could not be opened. */
export class LibgcryptError extends Error {
  override readonly name = "LibgcryptError";
  readonly reason: OpenFailure;

  constructor(reason: OpenFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The soname of libgcrypt. */
export const LIBGCRYPT_SONAME = "libgcrypt.so.20";

/** CMAC, XTS and SHAKE are all there from here on. */
const LOWEST_VERSION = "1.8.0";

// enum gcry_ctl_cmds
const DISABLE_SECURE_MEMORY = 37;
const INITIALIZATION_FINISHED = 38;
const IS_INITIALIZATION_FINISHED = 39;

const RTLD_LAZY = 0x1;
const RTLD_NODELETE = 0x1000;

/**
 * The manual's "Initializing the library": the version first, then whether it is
 * to have locked memory, then the end of the beginning. Without locked memory
 * it neither asks for it nor warns about it; handles are wiped as they close.
 */
function initialize(symbols: Libgcrypt, library: string): void {
  if (symbols.gcry_control(IS_INITIALIZATION_FINISHED, 0) !== 0) return;
  // What is initialised stays in the process, where any thread finds it.
  symbols.dlopen(cString(library), RTLD_LAZY | RTLD_NODELETE);
  symbols.gcry_control(DISABLE_SECURE_MEMORY, 0);
  symbols.gcry_control(INITIALIZATION_FINISHED, 0);
}

function load(library: string): Deno.DynamicLibrary<typeof SYMBOLS> {
  try {
    return Deno.dlopen(library, SYMBOLS);
  } catch (error) {
    throw new LibgcryptError(...whyNotOpened(library, error));
  }
}

/**
 * Opens libgcrypt from a path or soname and initialises it.
 *
 * @throws {LibgcryptError} where there is none or it is too old
 */
export function openLibgcrypt(library: string): OpenedLibgcrypt {
  const opened = load(library);
  const { symbols } = opened;
  const recent = symbols.gcry_check_version(cString(LOWEST_VERSION));
  const version = Deno.UnsafePointerView.getCString(
    symbols.gcry_check_version(null)!,
  );
  if (recent === null) {
    opened.close();
    throw new LibgcryptError(
      "too old",
      `"${library}" is libgcrypt ${version}, expected ${LOWEST_VERSION} or later`,
    );
  }
  initialize(symbols, library);
  return { symbols, version, close: () => opened.close() };
}
