/**
 * An engine of libcrypto (engine(3)), which libcrypto 3 still has and 4 has not.
 *
 * Algorithms that are fetched from providers know nothing of engines. But
 * libcrypto asks, whenever it starts a cipher or hash, whether an engine is the
 * default for the algorithm's number, and then takes the engine's implementation,
 * also inside HMAC and CMAC; and RSA and EC keys of the default provider take
 * the methods of the default engine. So the engine becomes the default for what
 * it has, and sessions are opened as without it. What the engine has not, the
 * providers still do.
 *
 * Defaults belong to the process, not to a library context: once set, they are
 * there for every thread, and stay until the process ends.
 *
 * @module
 */

import { cString } from "../../ffi/libc.ts";
import type { Handle } from "../../ffi/libcrypto.ts";
import {
  type LibcryptoEngine,
  openLibcryptoEngine,
} from "../../ffi/libcrypto_engine.ts";
import { MissingError } from "./options.ts";
import { engineRemedy } from "./remedies.ts";

// OPENSSL_INIT_ENGINE_RDRAND, _DYNAMIC and _AFALG
const INIT_BUILT_IN_ENGINES = 0x200n | 0x400n | 0x8000n;
// ENGINE_METHOD_RSA, _CIPHERS, _DIGESTS and _EC
const METHODS = 0x0001 | 0x0040 | 0x0080 | 0x0800;

/** An initialised engine that is the default for its algorithms. */
export class Engine {
  readonly #opened: LibcryptoEngine;
  readonly #engine: Handle;

  /**
   * @param takeError gives and clears libcrypto's last error
   * @throws {MissingError} where the engine or its device is absent
   */
  constructor(library: string, id: string, takeError: () => string) {
    const opened = openLibcryptoEngine(library);
    if (opened === null) {
      throw new MissingError({
        what: `engine "${id}": this libcrypto has no engines`,
        remedy: "use a provider, or libcrypto 3.x",
        option: "engine",
      });
    }
    this.#opened = opened;
    try {
      this.#engine = this.#start(id, takeError);
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  #start(id: string, takeError: () => string): Handle {
    const { symbols } = this.#opened;
    const lacks = (what: string) =>
      new MissingError({
        what: `engine "${id}": it ${what} (${takeError()})`,
        remedy: engineRemedy(id),
        option: "engine",
      });
    symbols.OPENSSL_init_crypto(INIT_BUILT_IN_ENGINES, null);
    const engine = symbols.ENGINE_by_id(cString(id));
    if (engine === null) throw lacks("is not installed, or found no device");
    if (symbols.ENGINE_init(engine) !== 1) {
      symbols.ENGINE_free(engine);
      throw lacks("does not start without its device or driver");
    }
    if (symbols.ENGINE_set_default(engine, METHODS) !== 1) {
      symbols.ENGINE_finish(engine);
      symbols.ENGINE_free(engine);
      throw lacks("cannot be the default of its algorithms");
    }
    return engine;
  }

  close(): void {
    this.#opened.symbols.ENGINE_finish(this.#engine);
    this.#opened.symbols.ENGINE_free(this.#engine);
    this.#opened.close();
  }
}
