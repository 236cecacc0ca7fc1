/**
 * The OpenSSL backend: libcrypto 3 through FFI, in place over guest memory
 * wherever that is contiguous. Each thread has a library context of its own.
 *
 * Options, all of them strings:
 *
 * - `library`: path of libcrypto where it is not found by its soname.
 * - `providers`: names with commas, each perhaps with the path of its module or
 *   of the directory that holds it, for example `default,qatprovider:/opt/qat`.
 *   Only these are loaded, in this order; without the option `default` is and,
 *   where it is installed, `legacy`.
 * - `properties`: property query of every algorithm (property(7)), for example
 *   `fips=yes` or `?provider=qatprovider`.
 * - `engine`: identifier of an engine, for example `qatengine`; see `engine.ts`.
 *
 * @module
 */

import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import { type BurstsBackend, CONTRACT_VERSION } from "../backend.ts";
import { PrimitivesThread } from "../primitives/primitives_thread.ts";
import type { Primitives } from "../primitives/primitives.ts";
import { makeAead } from "./aead.ts";
import { CbcCiphers } from "./cbc_ciphers.ts";
import { makeCipher } from "./ciphers.ts";
import { makeDigest } from "./digests.ts";
import { OpensslEcdsaSession } from "./ecdsa_session.ts";
import { CryptoLibrary } from "./library.ts";
import { Gmac, makeMac } from "./macs.ts";
import { readOpensslOptions } from "./options.ts";
import { probeOpenssl } from "./probe.ts";
import { OpensslRsa } from "./rsa.ts";

/** libcrypto for the sessions of one thread. */
export class OpensslPrimitives implements Primitives {
  readonly bursts: CbcCiphers;
  readonly #library: CryptoLibrary;

  constructor(library: CryptoLibrary) {
    this.#library = library;
    this.bursts = new CbcCiphers(library);
  }

  makeCipher(algorithm: string, key: Uint8Array, encrypts: boolean) {
    return makeCipher(this.#library, this, algorithm, key, encrypts);
  }

  makeSessionCipher(algorithm: string, key: Uint8Array, encrypts: boolean) {
    const shared = algorithm === "aes-cbc"
      ? this.bursts.make(key, encrypts)
      : undefined;
    return shared ?? this.makeCipher(algorithm, key, encrypts);
  }

  makeHash(algorithm: string, resultBytes: number) {
    return makeDigest(this.#library, algorithm, resultBytes);
  }

  makeMac(algorithm: string, key: Uint8Array, resultBytes: number) {
    return makeMac(this.#library, this, algorithm, key, resultBytes);
  }

  makeMacWithIv(algorithm: string, key: Uint8Array, resultBytes: number) {
    if (algorithm === "gmac-aes") {
      return new Gmac(this.#library, key, resultBytes);
    }
    throw new Error(`openssl has no MAC "${algorithm}"`);
  }

  makeAead(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ) {
    return makeAead(this.#library, algorithm, key, encrypts, tagBytes);
  }

  makeRsa(description: RsaSession) {
    return new OpensslRsa(this.#library, description);
  }

  openEcdsa(description: EcdsaSession) {
    return new OpensslEcdsaSession(this.#library, description);
  }

  clearErrors(): void {
    this.#library.clearErrors();
  }

  close(): void {
    this.bursts.close();
    this.#library.close();
  }
}

const openssl: BurstsBackend = {
  contract: CONTRACT_VERSION,
  name: "openssl",
  runs: "bursts",
  probe: probeOpenssl,
  open: (options) =>
    new PrimitivesThread(
      new OpensslPrimitives(new CryptoLibrary(readOpensslOptions(options))),
    ),
};

export default openssl;
