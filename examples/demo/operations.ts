/**
 * What the demo asks of a device, and how `node:crypto` answers the same.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type CipherGCMTypes,
  createCipheriv,
  createHash,
  createHmac,
} from "node:crypto";
import type { Probe, SessionDescription } from "../../mod.ts";
import { encryptXts } from "./xts_reference.ts";

/** What the independent implementation gives for one piece of the file. */
export interface Expected {
  /** Ciphertext; empty where there is only a digest. */
  readonly output: Uint8Array;
  /** Digest, code or tag; empty where there is none. */
  readonly digest: Uint8Array;
}

/** One algorithm of the demo. */
export interface Operation {
  readonly name: string;
  readonly ivBytes: number;
  readonly encrypt: SessionDescription;
  /** Absent where there is one direction only. */
  readonly decrypt?: SessionDescription;
  reference(iv: Uint8Array, data: Uint8Array): Expected;
}

const EMPTY = new Uint8Array(0);
const DIGEST_BYTES = 32;
const SHA1_BYTES = 20;
const TAG_BYTES = 16;

const key = (lengthBytes: number): Uint8Array<ArrayBuffer> =>
  crypto.getRandomValues(new Uint8Array(lengthBytes));

function plainCipher(
  name: string,
  algorithm: string,
  cipherKey: Uint8Array,
  encipher: (iv: Uint8Array, data: Uint8Array) => Uint8Array,
): Operation {
  const session = { service: "cipher", algorithm, key: cipherKey } as const;
  return {
    name,
    ivBytes: 16,
    encrypt: { ...session, direction: "encrypt" },
    decrypt: { ...session, direction: "decrypt" },
    reference: (iv, data) => ({ output: encipher(iv, data), digest: EMPTY }),
  };
}

const nodeCipher =
  (algorithm: string, cipherKey: Uint8Array) =>
  (iv: Uint8Array, data: Uint8Array): Uint8Array => {
    const cipher = createCipheriv(algorithm, cipherKey, iv);
    cipher.setAutoPadding(false);
    return Buffer.concat([cipher.update(data), cipher.final()]);
  };

function authenticatedCipher(
  name: string,
  algorithm: string,
  nodeName: "aes-256-gcm" | "chacha20-poly1305",
): Operation {
  const session = {
    service: "aead",
    algorithm,
    key: key(32),
    tagBytes: TAG_BYTES,
  } as const;
  return {
    name,
    ivBytes: 12,
    encrypt: { ...session, direction: "encrypt" },
    decrypt: { ...session, direction: "decrypt" },
    reference: (iv, data) => {
      const cipher = createCipheriv(
        nodeName as CipherGCMTypes,
        session.key,
        iv,
      );
      const output = Buffer.concat([cipher.update(data), cipher.final()]);
      return { output, digest: cipher.getAuthTag() };
    },
  };
}

function chain(): Operation {
  const cipher = { algorithm: "aes-cbc", key: key(16) };
  const authKey = key(SHA1_BYTES);
  const encipher = nodeCipher("aes-128-cbc", cipher.key);
  const session = {
    service: "chain",
    hashMode: "auth",
    hashAlgorithm: "hmac-sha1",
    authKey,
    resultBytes: SHA1_BYTES,
  } as const;
  return {
    name: "AES-128-CBC+HMAC-SHA-1",
    ivBytes: 16,
    encrypt: {
      ...session,
      order: "cipher-then-hash",
      cipher: { ...cipher, direction: "encrypt" },
    },
    decrypt: {
      ...session,
      order: "hash-then-cipher",
      cipher: { ...cipher, direction: "decrypt" },
    },
    reference: (iv, data) => {
      const output = encipher(iv, data);
      const digest = createHmac("sha1", authKey).update(output).digest();
      return { output, digest };
    },
  };
}

function digests(): Operation[] {
  const macKey = key(32);
  return [
    {
      name: "SHA-256",
      ivBytes: 0,
      encrypt: {
        service: "hash",
        algorithm: "sha256",
        resultBytes: DIGEST_BYTES,
      },
      reference: (_iv, data) => ({
        output: EMPTY,
        digest: createHash("sha256").update(data).digest(),
      }),
    },
    {
      name: "HMAC-SHA-256",
      ivBytes: 0,
      encrypt: {
        service: "mac",
        algorithm: "hmac-sha256",
        key: macKey,
        resultBytes: DIGEST_BYTES,
      },
      reference: (_iv, data) => ({
        output: EMPTY,
        digest: createHmac("sha256", macKey).update(data).digest(),
      }),
    },
  ];
}

/** The algorithms that a session needs, by the names that `probe` uses. */
function algorithmsOf(session: SessionDescription): string[] {
  return session.service === "chain"
    ? [
      `cipher.${session.cipher.algorithm}`,
      `${session.hashMode === "plain" ? "hash" : "mac"}.` +
      session.hashAlgorithm,
    ]
    : [`${session.service}.${session.algorithm}`];
}

/** Why a backend cannot do `operation`; `undefined` where it can. */
export function whyNot(
  { offers, notOffered }: Probe,
  operation: Operation,
): string | undefined {
  for (const name of algorithmsOf(operation.encrypt)) {
    if (offers.some(({ algorithm }) => algorithm === name)) continue;
    return notOffered[name] ?? `${name} is not offered`;
  }
  return undefined;
}

/** The operations of the demo, under fresh random keys. */
export function demoOperations(): Operation[] {
  const cbcKey = key(32);
  const ctrKey = key(16);
  const xtsKey = key(64);
  return [
    plainCipher(
      "AES-256-CBC",
      "aes-cbc",
      cbcKey,
      nodeCipher("aes-256-cbc", cbcKey),
    ),
    plainCipher(
      "AES-128-CTR",
      "aes-ctr",
      ctrKey,
      nodeCipher("aes-128-ctr", ctrKey),
    ),
    plainCipher(
      "AES-256-XTS",
      "aes-xts",
      xtsKey,
      (iv, data) => encryptXts(xtsKey, iv, data),
    ),
    authenticatedCipher("AES-256-GCM", "gcm", "aes-256-gcm"),
    authenticatedCipher(
      "ChaCha20-Poly1305",
      "chacha20-poly1305",
      "chacha20-poly1305",
    ),
    ...digests(),
    chain(),
  ];
}

/**
 * A different IV for every request: its index, where no two counter blocks of
 * AES-CTR meet and no nonce is used twice.
 */
export function ivOfRequest(
  operation: Operation,
  index: number,
): Uint8Array<ArrayBuffer> {
  const iv = new Uint8Array(operation.ivBytes);
  // The low half of a counter block counts blocks; the index goes above it.
  if (iv.length > 0) new DataView(iv.buffer).setUint32(4, index + 1);
  return iv;
}
