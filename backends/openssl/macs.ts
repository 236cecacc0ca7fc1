/**
 * Message authentication codes: EVP's own, and those composed from its ciphers.
 *
 * @module
 */

import type { Handle } from "../../ffi/libcrypto.ts";
import { CbcMac, XcbcMac } from "../primitives/block_macs.ts";
import type {
  Bytes,
  Digester,
  DigesterWithIv,
  Primitives,
} from "../primitives/primitives.ts";
import { Gcm } from "./aead.ts";
import { DIGEST_NAMES, EvpMac } from "./digests.ts";
import type { CryptoLibrary } from "./library.ts";
import { ParameterList, utf8String } from "./parameter_list.ts";

/** Calls `use` with an OSSL_PARAM array of one string. */
function withStringParam<T>(
  name: string,
  value: string,
  use: (params: Handle) => T,
): T {
  using list = new ParameterList(utf8String(name, value));
  return use(list.pointer);
}

type MakeMac = (
  library: CryptoLibrary,
  key: Uint8Array,
  resultBytes: number,
) => Digester;

const hmac = (hash: string): MakeMac => (library, key, resultBytes) =>
  withStringParam(
    "digest",
    DIGEST_NAMES[hash]!,
    (params) => new EvpMac(library, "HMAC", key, resultBytes, params),
  );

const cmac =
  (cipher: (key: Uint8Array) => string): MakeMac =>
  (library, key, resultBytes) =>
    withStringParam(
      "cipher",
      cipher(key),
      (params) => new EvpMac(library, "CMAC", key, resultBytes, params),
    );

/** What a catalogue algorithm takes of EVP, and how it is made. */
interface MacRecipe {
  /** EVP names whose presence means that the algorithm can be had. */
  readonly needs: { mac: string; digest?: string; cipher?: string };
  readonly make: MakeMac;
}

const hmacRecipe = (hash: string): MacRecipe => ({
  needs: { mac: "HMAC", digest: DIGEST_NAMES[hash]! },
  make: hmac(hash),
});

/** By catalogue name. */
const EVP_RECIPES: Readonly<Record<string, MacRecipe>> = {
  "hmac-md5": hmacRecipe("md5"),
  "hmac-sha1": hmacRecipe("sha1"),
  "hmac-sha224": hmacRecipe("sha224"),
  "hmac-sha256": hmacRecipe("sha256"),
  "hmac-sha384": hmacRecipe("sha384"),
  "hmac-sha512": hmacRecipe("sha512"),
  "cmac-3des": {
    needs: { mac: "CMAC", cipher: "DES-EDE3-CBC" },
    make: cmac(() => "DES-EDE3-CBC"),
  },
  "cmac-aes": {
    needs: { mac: "CMAC", cipher: "AES-128-CBC" },
    make: cmac((key) => `AES-${8 * key.length}-CBC`),
  },
};

/** By catalogue name: what has to be there for the algorithm. */
export const MAC_NEEDS: Readonly<Record<string, Partial<MacRecipe["needs"]>>> =
  {
    ...Object.fromEntries(
      Object.entries(EVP_RECIPES).map(([name, { needs }]) => [name, needs]),
    ),
    "gmac-aes": { cipher: "AES-128-GCM" },
    "cbcmac-aes": { cipher: "AES-128-CBC" },
    "xcbc-aes": { cipher: "AES-128-CBC" },
  };

/** Makes the MAC of a catalogue name; throws where it cannot be had. */
export function makeMac(
  library: CryptoLibrary,
  primitives: Pick<Primitives, "makeCipher">,
  algorithm: string,
  key: Uint8Array,
  resultBytes: number,
): Digester {
  if (algorithm === "cbcmac-aes") {
    return new CbcMac(primitives, key, resultBytes);
  }
  if (algorithm === "xcbc-aes") {
    return new XcbcMac(primitives, key, resultBytes);
  }
  const recipe = EVP_RECIPES[algorithm];
  if (!recipe) throw new Error(`openssl has no MAC "${algorithm}"`);
  return recipe.make(library, key, resultBytes);
}

/** GMAC (NIST SP 800-38D §3): GCM whose message is all associated data. */
export class Gmac implements DigesterWithIv {
  readonly #gcm: Gcm;
  readonly #tag = new Uint8Array(new ArrayBuffer(16));
  readonly #result: Bytes;
  readonly #lengths = { ivBytes: 12, additionalBytes: 0, dataBytes: 0 };
  readonly update: (bytes: Bytes) => boolean;

  constructor(library: CryptoLibrary, key: Uint8Array, resultBytes: number) {
    this.#gcm = new Gcm(library, key, true, this.#tag.length);
    this.#result = this.#tag.subarray(0, resultBytes);
    this.update = this.#gcm.absorb;
  }

  start(iv: Bytes): boolean {
    return this.#gcm.start(iv, this.#lengths, this.#tag);
  }

  finish(): Bytes | null {
    return this.#gcm.finish(this.#tag) ? this.#result : null;
  }

  close(): void {
    this.#gcm.close();
  }
}
