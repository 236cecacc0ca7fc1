/**
 * A legal session and request of every service.
 *
 * @module
 */

import type { SessionDescription } from "../../algorithms/session_description.ts";
import { ECDSA_ANSWERS } from "../../conformance/vectors/ecdsa.ts";
import type { Input } from "./requests.ts";
import type { Guest } from "./setups.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
/** Data of four AES blocks, and what goes with it. */
export const DATA = new Uint8Array(64).fill(3);
export const IV = new Uint8Array(16).fill(5);
export const NONCE = new Uint8Array(12).fill(6);

/** A CIPHER session. */
export const CBC: SessionDescription = {
  service: "cipher",
  algorithm: "aes-cbc",
  direction: "encrypt",
  key: KEY,
};
/** A chain. */
export const CHAIN: SessionDescription = {
  service: "chain",
  order: "cipher-then-hash",
  cipher: { algorithm: "aes-cbc", direction: "encrypt", key: KEY },
  hashMode: "auth",
  hashAlgorithm: "hmac-sha1",
  authKey: KEY,
  resultBytes: 20,
};
/** A HASH session. */
export const SHA256: SessionDescription = {
  service: "hash",
  algorithm: "sha256",
  resultBytes: 32,
};
/** A MAC session. */
export const HMAC: SessionDescription = {
  service: "mac",
  algorithm: "hmac-sha256",
  key: KEY,
  resultBytes: 32,
};
/** An AEAD session. */
export const GCM: SessionDescription = {
  service: "aead",
  algorithm: "gcm",
  direction: "encrypt",
  key: KEY,
  tagBytes: 16,
};
/** An AKCIPHER session. */
export const ECDSA: SessionDescription = {
  service: "akcipher",
  algorithm: "ecdsa",
  keyType: "public",
  key: ECDSA_ANSWERS[2]!.publicKey,
  curve: ECDSA_ANSWERS[2]!.curve,
};

/** A request that a session of each service takes. */
export const GOOD: readonly (readonly [SessionDescription, Input])[] = [
  [CBC, { operation: "encrypt", source: DATA, iv: IV }],
  [CHAIN, { operation: "encrypt", source: DATA, iv: IV }],
  [SHA256, { operation: "digest", source: DATA }],
  [HMAC, { operation: "digest", source: DATA }],
  [GCM, { operation: "encrypt", source: DATA, iv: NONCE }],
  [ECDSA, { operation: "verify", source: DATA, additionalData: DATA }],
];

/** Of what the layout of `guest` can carry. */
export const goodFor = ({ setup }: Guest) =>
  GOOD.filter(([{ service }]) =>
    setup.layout !== "draft 9" || service !== "akcipher"
  );
