/**
 * What a session is, in the catalogue's terms: plain data, structured-cloneable,
 * complete enough to open the session again on another backend, in another
 * thread or in another process.
 *
 * @module
 */

import { showInstead } from "./inspect.ts";
import { copyKey } from "./key_bytes.ts";
import type { Curve, KeyType, RsaPadding } from "./public_key.ts";

/** What a session of a cipher does. */
export type Direction = "encrypt" | "decrypt";
/** Which part of a chain is done first. */
export type ChainOrder = "hash-then-cipher" | "cipher-then-hash";

/** A session of the CIPHER service. */
export interface CipherSession {
  /** Tells it from sessions of other services. */
  readonly service: "cipher";
  /** A name of the catalogue. */
  readonly algorithm: string;
  /** Encrypts or decrypts. */
  readonly direction: Direction;
  /** Its length is one that the algorithm has. */
  readonly key: Uint8Array;
}

/** Algorithm chaining: it belongs to the CIPHER service (virtio 1.4 §5.9.9.6). */
export interface ChainSession {
  /** Tells it from sessions of other services. */
  readonly service: "chain";
  /** Which part is done first. */
  readonly order: ChainOrder;
  /** The cipher of the chain. */
  readonly cipher: Omit<CipherSession, "service">;
  /** `plain` names a HASH algorithm, `auth` a MAC algorithm. */
  readonly hashMode: "plain" | "auth";
  /** A name of the catalogue. */
  readonly hashAlgorithm: string;
  /** Empty for `plain`. */
  readonly authKey: Uint8Array;
  /** Length of digest or code, in bytes. */
  readonly resultBytes: number;
}

/** A session of the HASH service. */
export interface HashSession {
  /** Tells it from sessions of other services. */
  readonly service: "hash";
  /** A name of the catalogue. */
  readonly algorithm: string;
  /** Length of digest or code, in bytes. */
  readonly resultBytes: number;
}

/** A session of the MAC service. */
export interface MacSession {
  /** Tells it from sessions of other services. */
  readonly service: "mac";
  /** A name of the catalogue. */
  readonly algorithm: string;
  /** Its length is one that the algorithm has. */
  readonly key: Uint8Array;
  /** Length of digest or code, in bytes. */
  readonly resultBytes: number;
}

/** A session of the AEAD service. */
export interface AeadSession {
  /** Tells it from sessions of other services. */
  readonly service: "aead";
  /** A name of the catalogue. */
  readonly algorithm: string;
  /** Encrypts or decrypts. */
  readonly direction: Direction;
  /** Its length is one that the algorithm has. */
  readonly key: Uint8Array;
  /** Length of the tag, in bytes. */
  readonly tagBytes: number;
}

/** RSA: `key` is the DER of RSAPrivateKey or RSAPublicKey (RFC 8017 §A.1). */
export interface RsaSession {
  /** Tells it from sessions of other services. */
  readonly service: "akcipher";
  /** A name of the catalogue. */
  readonly algorithm: "rsa";
  /** Which half of a pair `key` is. */
  readonly keyType: KeyType;
  /** DER, as said above. */
  readonly key: Uint8Array;
  /** PKCS#1 v1.5, or none. */
  readonly padding: RsaPadding;
  /** A name of `RSA_HASHES`. */
  readonly hash: string;
  /**
   * PKCS#11 URI of the private key in the backend's token, of which `key` is a
   * stub then; only a device with a key store sets it.
   */
  readonly tokenKey?: string;
}

/** ECDSA: `key` is the DER of ECPrivateKey (RFC 5915) or a SEC 1 point. */
export interface EcdsaSession {
  /** Tells it from sessions of other services. */
  readonly service: "akcipher";
  /** A name of the catalogue. */
  readonly algorithm: "ecdsa";
  /** Which half of a pair `key` is. */
  readonly keyType: KeyType;
  /** DER, as said above. */
  readonly key: Uint8Array;
  /** The curve of `key`. */
  readonly curve: Curve["name"];
  /**
   * PKCS#11 URI of the private key in the backend's token, of which `key` is a
   * stub then; only a device with a key store sets it.
   */
  readonly tokenKey?: string;
}

/** A session of any service. */
export type SessionDescription =
  | CipherSession
  | ChainSession
  | HashSession
  | MacSession
  | AeadSession
  | RsaSession
  | EcdsaSession;

/** Every key of the description, so that an owner can wipe them. */
export function keysOf(description: SessionDescription): Uint8Array[] {
  switch (description.service) {
    case "hash":
      return [];
    case "chain":
      return [description.cipher.key, description.authKey];
    default:
      return [description.key];
  }
}

/** Overwrites every key of the description with zeros. */
export function wipeKeys(description: SessionDescription): void {
  for (const key of keysOf(description)) key.fill(0);
}

/** A description with keys of its own. */
export function copyDescription(
  description: SessionDescription,
): SessionDescription {
  switch (description.service) {
    case "hash":
      return { ...description };
    case "chain": {
      const { cipher, authKey } = description;
      return hideKeys({
        ...description,
        cipher: { ...cipher, key: copyKey(cipher.key) },
        authKey: copyKey(authKey),
      });
    }
    default:
      return hideKeys({ ...description, key: copyKey(description.key) });
  }
}

const HIDDEN = "(hidden)";

/** The description as text may show it: with the lengths of its keys alone. */
export function withoutKeys(description: SessionDescription): object {
  const shown = (key: Uint8Array) => `${key.length} bytes ${HIDDEN}`;
  switch (description.service) {
    case "hash":
      return { ...description };
    case "chain": {
      const { cipher, authKey } = description;
      return {
        ...description,
        cipher: { ...cipher, key: shown(cipher.key) },
        authKey: shown(authKey),
      };
    }
    default:
      return { ...description, key: shown(description.key) };
  }
}

/** Makes `console.log` of `description` show no key; returns it. */
export function hideKeys<D extends SessionDescription>(description: D): D {
  showInstead(description, () => withoutKeys(description));
  return description;
}
