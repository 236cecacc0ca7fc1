/**
 * Message authentication codes: EVP's own, and CBC-MAC and XCBC composed from
 * AES-CBC.
 *
 * @module
 */

import { cString, type Handle } from "../../ffi/libcrypto.ts";
import { EvpCipher } from "./ciphers.ts";
import { DIGEST_NAMES, type Digester, EvpMac } from "./digests.ts";
import { type CryptoLibrary, present, succeed } from "./library.ts";

const BLOCK_BYTES = 16;

// An OSSL_PARAM array keeps the pointer to its names.
const DIGEST_PARAM = cString("digest");
const CIPHER_PARAM = cString("cipher");

/** Calls `use` with an OSSL_PARAM array of one string. */
function withStringParam<T>(
  library: CryptoLibrary,
  name: Uint8Array<ArrayBuffer>,
  value: string,
  use: (params: Handle) => T,
): T {
  const { symbols } = library;
  const text = cString(value);
  const builder = present(symbols.OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD_new()");
  let params: Deno.PointerValue = null;
  try {
    succeed(
      symbols.OSSL_PARAM_BLD_push_utf8_string(builder, name, text, 0n),
      "OSSL_PARAM_BLD_push_utf8_string()",
    );
    params = symbols.OSSL_PARAM_BLD_to_param(builder);
    return use(present(params, "OSSL_PARAM_BLD_to_param()"));
  } finally {
    symbols.OSSL_PARAM_free(params);
    symbols.OSSL_PARAM_BLD_free(builder);
  }
}

type MakeMac = (
  library: CryptoLibrary,
  key: Uint8Array,
  resultBytes: number,
) => Digester;

const hmac = (hash: string): MakeMac => (library, key, resultBytes) =>
  withStringParam(
    library,
    DIGEST_PARAM,
    DIGEST_NAMES[hash]!,
    (params) => new EvpMac(library, "HMAC", key, resultBytes, params),
  );

const cmac =
  (cipher: (key: Uint8Array) => string): MakeMac =>
  (library, key, resultBytes) =>
    withStringParam(
      library,
      CIPHER_PARAM,
      cipher(key),
      (params) => new EvpMac(library, "CMAC", key, resultBytes, params),
    );

const CHAIN_BYTES = 4096;

/** The last block of an AES-CBC encryption under a zero IV. */
class CbcChain {
  readonly #cipher: EvpCipher;
  readonly #zeros = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  readonly #output = new Uint8Array(new ArrayBuffer(CHAIN_BYTES));
  /** The last ciphertext block; zero before the first. */
  readonly last = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));

  constructor(library: CryptoLibrary, key: Uint8Array) {
    const name = `AES-${8 * key.length}-CBC`;
    const mode = { blockBytes: BLOCK_BYTES, hasIv: true };
    this.#cipher = new EvpCipher(library, name, key, true, mode);
  }

  start(): boolean {
    this.last.fill(0);
    return this.#cipher.start(this.#zeros);
  }

  /** Takes whole blocks. */
  update(bytes: Uint8Array<ArrayBuffer>): boolean {
    for (let at = 0; at < bytes.length; at += CHAIN_BYTES) {
      const piece = bytes.subarray(at, at + CHAIN_BYTES);
      if (!this.#cipher.piece(piece, this.#output)) return false;
      const end = piece.length;
      this.last.set(this.#output.subarray(end - BLOCK_BYTES, end));
    }
    return true;
  }

  close(): void {
    this.last.fill(0);
    this.#output.fill(0);
    this.#cipher.close();
  }
}

/** Splits a message into whole blocks and a held-back last one. */
abstract class BlockMac implements Digester {
  protected readonly chain: CbcChain;
  /** What is held back: 1 to 16 bytes, or none of an empty message. */
  protected readonly held = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  protected heldBytes = 0;
  readonly #resultBytes: number;

  constructor(library: CryptoLibrary, key: Uint8Array, resultBytes: number) {
    this.chain = new CbcChain(library, key);
    this.#resultBytes = resultBytes;
  }

  start(): boolean {
    this.heldBytes = 0;
    return this.chain.start();
  }

  readonly update = (bytes: Uint8Array<ArrayBuffer>): boolean => {
    let at = 0;
    if (this.heldBytes > 0) {
      at = Math.min(BLOCK_BYTES - this.heldBytes, bytes.length);
      this.held.set(bytes.subarray(0, at), this.heldBytes);
      this.heldBytes += at;
      if (at === bytes.length) return true;
      if (!this.chain.update(this.held)) return false;
    }
    const left = bytes.length - at;
    const kept = left === 0 ? 0 : (left - 1) % BLOCK_BYTES + 1;
    const end = bytes.length - kept;
    this.held.set(bytes.subarray(end));
    this.heldBytes = kept;
    return at === end || this.chain.update(bytes.subarray(at, end));
  };

  finish(): Uint8Array<ArrayBuffer> | null {
    return this.finishHeld()
      ? this.chain.last.subarray(0, this.#resultBytes)
      : null;
  }

  protected abstract finishHeld(): boolean;

  close(): void {
    this.held.fill(0);
    this.chain.close();
  }
}

/** CBC-MAC (FIPS 113's construction) over whole blocks only. */
class CbcMac extends BlockMac {
  protected finishHeld(): boolean {
    if (this.heldBytes === 0) return true;
    return this.heldBytes === BLOCK_BYTES && this.chain.update(this.held);
  }
}

/** AES-XCBC-MAC (RFC 3566 §4); three keys are derived from the session's. */
class XcbcMac extends BlockMac {
  readonly #wholeKey: Uint8Array<ArrayBuffer>;
  readonly #paddedKey: Uint8Array<ArrayBuffer>;

  constructor(library: CryptoLibrary, key: Uint8Array, resultBytes: number) {
    const [chainKey, wholeKey, paddedKey] = XcbcMac.#derive(library, key);
    super(library, chainKey, resultBytes);
    chainKey.fill(0);
    this.#wholeKey = wholeKey;
    this.#paddedKey = paddedKey;
  }

  /** K1, K2 and K3 are the encryptions of blocks of 01, 02 and 03. */
  static #derive(library: CryptoLibrary, key: Uint8Array) {
    const mode = { blockBytes: BLOCK_BYTES, hasIv: false };
    const cipher = new EvpCipher(library, "AES-128-ECB", key, true, mode);
    const derived = [1, 2, 3].map((byte) => {
      const block = new Uint8Array(new ArrayBuffer(BLOCK_BYTES)).fill(byte);
      cipher.piece(block, block);
      return block;
    });
    cipher.close();
    return derived as [typeof derived[0], typeof derived[0], typeof derived[0]];
  }

  protected finishHeld(): boolean {
    const { held, heldBytes } = this;
    let key = this.#wholeKey;
    if (heldBytes < BLOCK_BYTES) {
      held[heldBytes] = 0x80;
      held.fill(0, heldBytes + 1);
      key = this.#paddedKey;
    }
    for (let i = 0; i < BLOCK_BYTES; i++) held[i]! ^= key[i]!;
    return this.chain.update(held);
  }

  override close(): void {
    this.#wholeKey.fill(0);
    this.#paddedKey.fill(0);
    super.close();
  }
}

/** What a catalogue algorithm takes of EVP, and how it is made. */
interface MacRecipe {
  /** EVP names whose presence means that the algorithm can be had. */
  readonly needs: { mac?: string; digest?: string; cipher?: string };
  readonly make: MakeMac;
}

const hmacRecipe = (hash: string): MacRecipe => ({
  needs: { mac: "HMAC", digest: DIGEST_NAMES[hash]! },
  make: hmac(hash),
});

/** By catalogue name; GMAC, which takes an IV, is in `gmac.ts`. */
export const MAC_RECIPES: Readonly<Record<string, MacRecipe>> = {
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
  "cbcmac-aes": {
    needs: { cipher: "AES-128-CBC" },
    make: (library, key, resultBytes) => new CbcMac(library, key, resultBytes),
  },
  "xcbc-aes": {
    needs: { cipher: "AES-128-CBC" },
    make: (library, key, resultBytes) => new XcbcMac(library, key, resultBytes),
  },
};

/** Makes the MAC of a catalogue name; throws where it cannot be had. */
export function makeMac(
  library: CryptoLibrary,
  algorithm: string,
  key: Uint8Array,
  resultBytes: number,
): Digester {
  const recipe = MAC_RECIPES[algorithm];
  if (!recipe) throw new Error(`openssl has no MAC "${algorithm}"`);
  return recipe.make(library, key, resultBytes);
}
