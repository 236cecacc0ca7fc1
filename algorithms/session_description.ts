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

export type Direction = "encrypt" | "decrypt";
export type ChainOrder = "hash-then-cipher" | "cipher-then-hash";

export interface CipherSession {
  readonly service: "cipher";
  readonly algorithm: string;
  readonly direction: Direction;
  readonly key: Uint8Array;
}

/** Algorithm chaining: it belongs to the CIPHER service (virtio 1.4 §5.9.9.6). */
export interface ChainSession {
  readonly service: "chain";
  readonly order: ChainOrder;
  readonly cipher: Omit<CipherSession, "service">;
  /** `plain` names a HASH algorithm, `auth` a MAC algorithm. */
  readonly hashMode: "plain" | "auth";
  readonly hashAlgorithm: string;
  /** Empty for `plain`. */
  readonly authKey: Uint8Array;
  readonly resultBytes: number;
}

export interface HashSession {
  readonly service: "hash";
  readonly algorithm: string;
  readonly resultBytes: number;
}

export interface MacSession {
  readonly service: "mac";
  readonly algorithm: string;
  readonly key: Uint8Array;
  readonly resultBytes: number;
}

export interface AeadSession {
  readonly service: "aead";
  readonly algorithm: string;
  readonly direction: Direction;
  readonly key: Uint8Array;
  readonly tagBytes: number;
}

/** RSA: `key` is the DER of RSAPrivateKey or RSAPublicKey (RFC 8017 §A.1). */
export interface RsaSession {
  readonly service: "akcipher";
  readonly algorithm: "rsa";
  readonly keyType: KeyType;
  readonly key: Uint8Array;
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
  readonly service: "akcipher";
  readonly algorithm: "ecdsa";
  readonly keyType: KeyType;
  readonly key: Uint8Array;
  readonly curve: Curve["name"];
  /**
   * PKCS#11 URI of the private key in the backend's token, of which `key` is a
   * stub then; only a device with a key store sets it.
   */
  readonly tokenKey?: string;
}

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
