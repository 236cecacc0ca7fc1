/**
 * libcrypto as tests of the openssl backend have it: through EVP alone, or with
 * functions that do something else.
 *
 * @module
 */

import type { BackendThread } from "../backends/backend.ts";
import { BurstOperations } from "../backends/burst_operations.ts";
import { CryptoLibrary } from "../backends/openssl/library.ts";
import { OpensslPrimitives } from "../backends/openssl/openssl.ts";
import { readOpensslOptions } from "../backends/openssl/options.ts";
import { PrimitivesThread } from "../backends/primitives/primitives_thread.ts";
import type { Libcrypto } from "../ffi/libcrypto.ts";
import type { LibcryptoHash } from "../ffi/libcrypto_hash.ts";

export const OPTIONS = readOpensslOptions({});

/** libcrypto through EVP alone. */
class EvpAlone extends CryptoLibrary {
  override isDefaultCipher(): boolean {
    return false;
  }

  override hash(): LibcryptoHash | null {
    return null;
  }
}

/** Calls `use` with a library, and closes it. */
export function withLibrary(
  library: CryptoLibrary,
  use: (library: CryptoLibrary) => void,
): void {
  try {
    use(library);
  } finally {
    library.close();
  }
}

/** `library` with some functions others. */
export function changed(
  library: CryptoLibrary,
  functions: Partial<Libcrypto>,
): CryptoLibrary {
  const symbols = { ...library.symbols, ...functions };
  Object.defineProperty(library, "symbols", { value: symbols });
  return library;
}

/** Calls `use` with a thread as usual and one through EVP alone. */
export function withBoth(
  usual: BackendThread,
  use: (thread: BackendThread, evp: BackendThread) => void,
): void {
  const evp = new BurstOperations(
    new PrimitivesThread(new OpensslPrimitives(new EvpAlone(OPTIONS))),
  );
  try {
    use(usual, evp);
  } finally {
    evp.close();
  }
}
