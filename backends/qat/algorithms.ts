/**
 * The catalogue's algorithms in the library's numbers.
 *
 * @module
 */

import { md5, sha1 } from "npm:@noble/hashes@2.4.0/legacy.js";
import {
  sha224,
  sha256,
  sha384,
  sha512,
} from "npm:@noble/hashes@2.4.0/sha2.js";
import { algorithmByName } from "../../algorithms/catalogue.ts";
import { CPA } from "../../ffi/qat_layout.ts";

/** Ciphers by their names in the catalogue. */
export const CIPHERS: Readonly<Record<string, number>> = {
  "aes-ecb": CPA.CPA_CY_SYM_CIPHER_AES_ECB,
  "aes-cbc": CPA.CPA_CY_SYM_CIPHER_AES_CBC,
  "aes-ctr": CPA.CPA_CY_SYM_CIPHER_AES_CTR,
  "aes-xts": CPA.CPA_CY_SYM_CIPHER_AES_XTS,
};

/** Hashes by their names in the catalogue. */
export const HASHES: Readonly<Record<string, number>> = {
  "md5": CPA.CPA_CY_SYM_HASH_MD5,
  "sha1": CPA.CPA_CY_SYM_HASH_SHA1,
  "sha224": CPA.CPA_CY_SYM_HASH_SHA224,
  "sha256": CPA.CPA_CY_SYM_HASH_SHA256,
  "sha384": CPA.CPA_CY_SYM_HASH_SHA384,
  "sha512": CPA.CPA_CY_SYM_HASH_SHA512,
  "sha3-224": CPA.CPA_CY_SYM_HASH_SHA3_224,
  "sha3-256": CPA.CPA_CY_SYM_HASH_SHA3_256,
  "sha3-384": CPA.CPA_CY_SYM_HASH_SHA3_384,
  "sha3-512": CPA.CPA_CY_SYM_HASH_SHA3_512,
};

/** Codes other than HMAC. */
export const CODES: Readonly<Record<string, number>> = {
  "cmac-aes": CPA.CPA_CY_SYM_HASH_AES_CMAC,
  "gmac-aes": CPA.CPA_CY_SYM_HASH_AES_GMAC,
  "xcbc-aes": CPA.CPA_CY_SYM_HASH_AES_XCBC,
};

/** What an AEAD is made of. */
export interface AeadNumbers {
  readonly cipher: number;
  readonly hash: number;
  /** The longest associated data. */
  readonly additionalDataBytes: number;
}

export const AEADS: Readonly<Record<string, AeadNumbers>> = {
  "gcm": {
    cipher: CPA.CPA_CY_SYM_CIPHER_AES_GCM,
    hash: CPA.CPA_CY_SYM_HASH_AES_GCM,
    additionalDataBytes: 240,
  },
  "ccm": {
    cipher: CPA.CPA_CY_SYM_CIPHER_AES_CCM,
    hash: CPA.CPA_CY_SYM_HASH_AES_CCM,
    additionalDataBytes: 222,
  },
  "chacha20-poly1305": {
    cipher: CPA.CPA_CY_SYM_CIPHER_CHACHA,
    hash: CPA.CPA_CY_SYM_HASH_POLY,
    additionalDataBytes: 240,
  },
};

const KEY_HASHES: Readonly<Record<string, (key: Uint8Array) => Uint8Array>> = {
  md5,
  sha1,
  sha224,
  sha256,
  sha384,
  sha512,
};

/** A hash or code of a session, in the library's numbers. */
export interface DigestNumbers {
  readonly algorithm: number;
  /** The full result, of which a session may want the first bytes. */
  readonly resultBytes: number;
  /** A copy; absent for a plain hash. */
  readonly key?: Uint8Array<ArrayBuffer>;
}

/** The numbers of a plain hash; throws for one that is not driven. */
export function hashNumbers(name: string): DigestNumbers {
  const algorithm = HASHES[name];
  const entry = algorithmByName("hash", name);
  if (algorithm === undefined || !entry) {
    throw new Error(`The qat backend has no hash "${name}"`);
  }
  return { algorithm, resultBytes: entry.digestBytes };
}

/** The numbers of a code and a copy of its key; throws for one not driven. */
export function macNumbers(name: string, key: Uint8Array): DigestNumbers {
  const entry = algorithmByName("mac", name);
  const algorithm = CODES[name] ?? HASHES[entry?.hash ?? ""];
  if (!entry || algorithm === undefined) {
    throw new Error(`The qat backend has no code "${name}"`);
  }
  return {
    algorithm,
    resultBytes: entry.digestBytes,
    key: entry.hash === undefined ? copy(key) : shortKey(entry.hash, key),
  };
}

const copy = (key: Uint8Array) => new Uint8Array(key);

/**
 * RFC 2104 §2: the library takes keys up to a block; longer ones are hashed, and
 * as keys are filled up with zeros, an empty one is one zero.
 */
function shortKey(hash: string, key: Uint8Array): Uint8Array<ArrayBuffer> {
  if (key.length === 0) return new Uint8Array(1);
  const { blockBytes } = algorithmByName("hash", hash)!;
  return copy(key.length <= blockBytes ? key : KEY_HASHES[hash]!(key));
}
