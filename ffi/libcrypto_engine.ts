/**
 * The engine functions of libcrypto, which later versions than 3 do not have.
 *
 * @module
 */

const P = "pointer";
const B = "buffer";
const I = "i32";

const SYMBOLS = {
  OPENSSL_init_crypto: {
    parameters: ["u64", /* opts */ P /* settings */],
    result: I,
  },
  ENGINE_by_id: { parameters: [B /* id */], result: P },
  ENGINE_init: { parameters: [P /* e */], result: I },
  ENGINE_set_default: { parameters: [P, /* e */ "u32" /* flags */], result: I },
  ENGINE_finish: { parameters: [P /* e */], result: I },
  ENGINE_free: { parameters: [P /* e */], result: I },
} as const satisfies Deno.ForeignLibraryInterface;

/** The engine functions of an opened libcrypto. */
export interface LibcryptoEngine {
  readonly symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  close(): void;
}

/** Opens them in a libcrypto that is there; null where it has none. */
export function openLibcryptoEngine(library: string): LibcryptoEngine | null {
  try {
    return Deno.dlopen(library, SYMBOLS);
  } catch {
    return null;
  }
}
