/**
 * The libgcrypt backend: what the base system of every Debian brings along, with
 * GMAC over Twofish, which the other libraries have not, and a third independent
 * implementation of the rest.
 *
 * A key of `cmac-3des` that DES calls weak is refused: gcry_mac has no way to
 * take one.
 *
 * Option `library`: path of libgcrypt where it is not found by its soname.
 *
 * @module
 */

import {
  LIBGCRYPT_SONAME,
  type OpenedLibgcrypt,
  openLibgcrypt,
} from "../../ffi/libgcrypt.ts";
import { type BurstsBackend, CONTRACT_VERSION } from "../backend.ts";
import { CbcMac, XcbcMac } from "../primitives/block_macs.ts";
import { AesF8 } from "../primitives/keystream_ciphers.ts";
import { PrimitivesThread } from "../primitives/primitives_thread.ts";
import type { Digester, Primitives } from "../primitives/primitives.ts";
import { makeGcryptAead } from "./aead.ts";
import { makeGcryptCipher } from "./ciphers.ts";
import {
  makeGcryptHash,
  makeGcryptMac,
  makeGcryptMacWithIv,
} from "./digests.ts";
import { probeLibgcrypt } from "./probe.ts";

/** libgcrypt for the sessions of one thread. */
class LibgcryptPrimitives implements Primitives {
  readonly #library: OpenedLibgcrypt;

  constructor(library: OpenedLibgcrypt) {
    this.#library = library;
  }

  makeCipher(algorithm: string, key: Uint8Array, encrypts: boolean) {
    return algorithm === "aes-f8"
      ? new AesF8(this, key)
      : makeGcryptCipher(this.#library.symbols, algorithm, key, encrypts);
  }

  makeHash(algorithm: string, resultBytes: number) {
    return makeGcryptHash(this.#library.symbols, algorithm, resultBytes);
  }

  makeMac(algorithm: string, key: Uint8Array, resultBytes: number): Digester {
    switch (algorithm) {
      case "cbcmac-aes":
        return new CbcMac(this, key, resultBytes);
      case "xcbc-aes":
        return new XcbcMac(this, key, resultBytes);
      default: {
        const { symbols } = this.#library;
        return makeGcryptMac(symbols, algorithm, key, resultBytes);
      }
    }
  }

  makeMacWithIv(algorithm: string, key: Uint8Array, resultBytes: number) {
    const { symbols } = this.#library;
    return makeGcryptMacWithIv(symbols, algorithm, key, resultBytes);
  }

  makeAead(algorithm: string, key: Uint8Array, encrypts: boolean) {
    return makeGcryptAead(this.#library.symbols, algorithm, key, encrypts);
  }

  makeRsa(): never {
    throw new Error("Cannot open session: akcipher.rsa is not offered");
  }

  openEcdsa(): never {
    throw new Error("Cannot open session: akcipher.ecdsa is not offered");
  }

  clearErrors(): void {
    // Errors are return values; nothing stays behind.
  }

  close(): void {
    this.#library.close();
  }
}

const libgcrypt: BurstsBackend = {
  contract: CONTRACT_VERSION,
  name: "libgcrypt",
  runs: "bursts",
  probe: probeLibgcrypt,
  open: ({ library = LIBGCRYPT_SONAME }) =>
    new PrimitivesThread(new LibgcryptPrimitives(openLibgcrypt(library))),
};

export default libgcrypt;
