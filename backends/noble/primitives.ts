/**
 * What the libraries do for sessions.
 *
 * @module
 */

import { algorithmByName } from "../../algorithms/catalogue.ts";
import type {
  EcdsaSession,
  RsaSession,
} from "../../algorithms/session_description.ts";
import type { Primitives } from "../primitives/primitives.ts";
import { Scratch } from "../scratch.ts";
import { makeBlockMac } from "./block_macs.ts";
import { CcmAead } from "./ccm.ts";
import { ChaCha20Poly1305Aead } from "./chacha20_poly1305.ts";
import { makeMode } from "./ciphers.ts";
import { NobleEcdsaSession } from "./ecdsa_session.ts";
import { GcmAead, Gmac } from "./gcm.ts";
import { makeHash, makeHmac } from "./hashes.ts";
import { NobleRsa } from "./rsa_key.ts";

const AEADS = {
  "gcm": GcmAead,
  "ccm": CcmAead,
  "chacha20-poly1305": ChaCha20Poly1305Aead,
};

export class NoblePrimitives implements Primitives {
  /** Messages of AEADs, which are worked on in private. */
  readonly data = new Scratch();

  makeCipher(algorithm: string, key: Uint8Array, encrypts: boolean) {
    return makeMode(algorithm, key, encrypts);
  }

  makeHash(algorithm: string, resultBytes: number) {
    return makeHash(algorithm, resultBytes);
  }

  makeMac(algorithm: string, key: Uint8Array) {
    const { hash } = algorithmByName("mac", algorithm)!;
    return hash ? makeHmac(hash, key) : makeBlockMac(algorithm, key);
  }

  makeMacWithIv(algorithm: string, key: Uint8Array, resultBytes: number) {
    const { ivBytes } = algorithmByName("mac", algorithm)!;
    return new Gmac(key, {
      encrypts: true,
      tagBytes: resultBytes,
      ivBytes: { minimum: ivBytes, maximum: ivBytes, step: 1 },
      data: this.data,
    });
  }

  makeAead(
    algorithm: string,
    key: Uint8Array,
    encrypts: boolean,
    tagBytes: number,
  ) {
    const { ivBytes } = algorithmByName("aead", algorithm)!;
    const settings = { encrypts, tagBytes, ivBytes, data: this.data };
    return new AEADS[algorithm as keyof typeof AEADS](key, settings);
  }

  makeRsa(description: RsaSession) {
    return new NobleRsa(description);
  }

  openEcdsa(description: EcdsaSession) {
    return new NobleEcdsaSession(description);
  }

  clearErrors(): void {}

  close(): void {
    this.data.wipe();
  }
}
