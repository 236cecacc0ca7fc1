/**
 * What an application says of a session that it opens. Lengths are in bytes;
 * names are those of the catalogue.
 *
 * @module
 */

import type {
  AeadName,
  CipherName,
  HashName,
  MacName,
} from "../algorithms/catalogue.ts";
import type {
  CurveName,
  KeyType,
  RsaHashName,
  RsaPadding,
} from "../algorithms/public_key.ts";
import type {
  ChainOrder,
  Direction,
} from "../algorithms/session_description.ts";

/**
 * A key of a symmetric algorithm: its bytes, a JSON Web Key (`kty` `"oct"`), or a
 * secret `CryptoKey` that is extractable. Bytes are copied before the call
 * returns.
 */
export type SecretKey = Uint8Array | JsonWebKey | CryptoKey;

/**
 * A key of a public-key algorithm: PEM as text or bytes, DER (RSAPrivateKey,
 * RSAPublicKey, ECPrivateKey, PKCS#8, SubjectPublicKeyInfo), a point of a curve
 * (SEC 1 §2.3.3), a JSON Web Key (`kty` `"RSA"` or `"EC"`), or a `CryptoKey` that
 * is extractable. Keys with a passphrase have to be decrypted first.
 */
export type AsymmetricKey = string | Uint8Array | JsonWebKey | CryptoKey;

/** A session of the CIPHER service. */
export interface CipherParameters {
  /** A name of the catalogue. */
  readonly algorithm: CipherName;
  /** What `run` does. */
  readonly direction: Direction;
  /** 16, 24 or 32 bytes for AES; twice 16 or 32 for XTS. */
  readonly key: SecretKey;
}

/** What all chains have. */
export interface CommonChainParameters {
  /** Which is done first; `hash-then-cipher` hashes what is not enciphered. */
  readonly order: ChainOrder;
  /** The cipher of the chain. */
  readonly cipher: CipherParameters;
  /** Length of digest or code. Default: the algorithm's own. */
  readonly resultBytes?: number;
}

/** A session that chains a cipher and a hash. */
export interface HashChainParameters extends CommonChainParameters {
  /** The result is a digest, which needs no key. */
  readonly hashMode: "plain";
  /** A name of the catalogue. */
  readonly hashAlgorithm: HashName;
}

/** A session that chains a cipher and a MAC. */
export interface MacChainParameters extends CommonChainParameters {
  /** The result is a code, which needs a key. */
  readonly hashMode: "auth";
  /** A name of the catalogue; one that has no IV of its own. */
  readonly hashAlgorithm: MacName;
  /** The key of the MAC. */
  readonly authKey: SecretKey;
}

/** A session that chains a cipher with a hash or a MAC. */
export type ChainParameters = HashChainParameters | MacChainParameters;

/** A session of the HASH service. */
export interface HashParameters {
  /** A name of the catalogue. */
  readonly algorithm: HashName;
  /** Length of the digest. Default: the algorithm's own. */
  readonly resultBytes?: number;
}

/** A session of the MAC service. */
export interface MacParameters {
  /** A name of the catalogue. */
  readonly algorithm: MacName;
  /** Up to 1024 bytes for HMAC; 16, 24 or 32 for those of AES. */
  readonly key: SecretKey;
  /** Length of the code. Default: the algorithm's own. */
  readonly resultBytes?: number;
}

/** A session of the AEAD service. */
export interface AeadParameters {
  /** A name of the catalogue. */
  readonly algorithm: AeadName;
  /** What `run` does. */
  readonly direction: Direction;
  /** 16, 24 or 32 bytes for AES, 32 for ChaCha20-Poly1305. */
  readonly key: SecretKey;
  /** Length of the tag. Default: 16. */
  readonly tagBytes?: number;
}

/** An RSA session of the AKCIPHER service. */
export interface RsaParameters {
  /** RSA with PKCS#1 v1.5 padding, or without padding. */
  readonly algorithm: "rsa";
  /** 512 to 8192 bits. */
  readonly key: AsymmetricKey;
  /** Insists on a kind of key. Default: what `key` is. */
  readonly keyType?: KeyType;
  /** `raw` is the bare operation, which neither signs nor verifies. */
  readonly padding: RsaPadding;
  /** The hash that signatures name. Default: `"none"`. */
  readonly hash?: RsaHashName;
}

/** An ECDSA session of the AKCIPHER service. */
export interface EcdsaParameters {
  /** ECDSA over a curve of NIST. */
  readonly algorithm: "ecdsa";
  /** A key of that curve. */
  readonly key: AsymmetricKey;
  /** Insists on a kind of key. Default: what `key` is. */
  readonly keyType?: KeyType;
  /** Insists on a curve. Default: what `key` says. */
  readonly curve?: CurveName;
}
