/**
 * The hash functions that libcrypto has beside EVP, over a context in memory of
 * ours: `SHA256_Init` and its like. Deprecated since 3.0 and still there.
 *
 * @module
 */

const P = "pointer";
const B = "buffer";
const I = "i32";
const Z = "usize";

/** How their names begin. */
export type HashName =
  | "MD5"
  | "SHA1"
  | "SHA224"
  | "SHA256"
  | "SHA384"
  | "SHA512";

/** Room for the longest context, SHA512_CTX with its 216 bytes. */
export const HASH_CONTEXT_BYTES = 256;

const symbolsOf = (name: HashName) =>
  ({
    init: { name: `${name}_Init`, parameters: [P /* c */], result: I },
    update: {
      name: `${name}_Update`,
      parameters: [P, /* c */ B, /* data */ Z /* len */],
      result: I,
    },
    updateKept: {
      name: `${name}_Update`,
      parameters: [P, /* c */ P, /* data */ Z /* len */],
      result: I,
    },
    final: {
      name: `${name}_Final`,
      parameters: [P, /* md */ P /* c */],
      result: I,
    },
  }) as const satisfies Deno.ForeignLibraryInterface;

/** The functions of one hash. */
export type LibcryptoHash = Deno.DynamicLibrary<
  ReturnType<typeof symbolsOf>
>["symbols"];

/** One hash of an opened libcrypto. */
export interface OpenedLibcryptoHash {
  readonly symbols: LibcryptoHash;
  close(): void;
}

/** Opens the functions of a hash; null where this libcrypto has none. */
export function openLibcryptoHash(
  library: string,
  name: HashName,
): OpenedLibcryptoHash | null {
  try {
    return Deno.dlopen(library, symbolsOf(name));
  } catch {
    return null;
  }
}
