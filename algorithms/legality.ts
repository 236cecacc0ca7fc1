/**
 * What the catalogue allows a session to be, and how long one message of it may
 * be. Key material of public-key sessions is parsed in `rsa_key.ts` and
 * `ec_key.ts`; everything else is decided here.
 *
 * @module
 */

import {
  type Algorithm,
  algorithmByName,
  allowsLength,
  type HashAlgorithm,
  type Lengths,
  type MacAlgorithm,
  qualifiedName,
} from "./catalogue.ts";
import { CURVES, RSA_HASHES } from "./public_key.ts";
import type {
  AeadSession,
  ChainSession,
  CipherSession,
  SessionDescription,
} from "./session_description.ts";

/** Why a session cannot be: an algorithm nobody has, or a wrong parameter. */
export interface Illegal {
  readonly kind: "unsupported" | "error";
  readonly reason: string;
}

const unsupported = (reason: string): Illegal => ({
  kind: "unsupported",
  reason,
});
const wrong = (reason: string): Illegal => ({ kind: "error", reason });

const describeLengths = (lengths: Lengths): string =>
  lengths.minimum === lengths.maximum
    ? `${lengths.minimum}`
    : `${lengths.minimum}..${lengths.maximum} in steps of ${lengths.step}`;

function checkKey(
  name: string,
  allowed: Lengths,
  key: Uint8Array,
): Illegal | undefined {
  if (allowsLength(allowed, key.length)) return undefined;
  return wrong(
    `${name} key of ${key.length} bytes, expected ${describeLengths(allowed)}`,
  );
}

/** Two AES-192 keys: XTS could have them, but IEEE 1619 §5.1 does not. */
const XTS_AES_192_KEY_BYTES = 48;

function checkCipher(
  session: Omit<CipherSession, "service">,
): Illegal | undefined {
  const algorithm = algorithmByName("cipher", session.algorithm);
  if (!algorithm) return unsupported(`cipher "${session.algorithm}"`);
  if (
    algorithm.name === "aes-xts" &&
    session.key.length === XTS_AES_192_KEY_BYTES
  ) return unsupported("aes-xts with two 192-bit keys");
  const illegalKey = checkKey(algorithm.name, algorithm.keyBytes, session.key);
  if (illegalKey) return illegalKey;
  // IEEE 1619: equal halves would cancel the tweak (FIPS 140 IG C.I).
  if (algorithm.name === "aes-xts" && halvesAreEqual(session.key)) {
    return wrong("aes-xts key whose two halves are equal");
  }
  return undefined;
}

function halvesAreEqual(key: Uint8Array): boolean {
  const half = key.length / 2;
  let difference = 0;
  for (let i = 0; i < half; i++) difference |= key[i]! ^ key[half + i]!;
  return difference === 0;
}

function checkResult(
  algorithm: HashAlgorithm | MacAlgorithm,
  resultBytes: number,
): Illegal | undefined {
  const maximum = algorithm.service === "hash"
    ? algorithm.maximumResultBytes
    : algorithm.digestBytes;
  if (resultBytes >= 1 && resultBytes <= maximum) return undefined;
  return wrong(
    `${algorithm.name} result of ${resultBytes} bytes, expected 1..${maximum}`,
  );
}

function checkHash(name: string, resultBytes: number): Illegal | undefined {
  const algorithm = algorithmByName("hash", name);
  if (!algorithm) return unsupported(`hash "${name}"`);
  return checkResult(algorithm, resultBytes);
}

function checkMac(
  name: string,
  key: Uint8Array,
  resultBytes: number,
): Illegal | undefined {
  const algorithm = algorithmByName("mac", name);
  if (!algorithm) return unsupported(`mac "${name}"`);
  return checkKey(algorithm.name, algorithm.keyBytes, key) ??
    checkResult(algorithm, resultBytes);
}

function checkChain(session: ChainSession): Illegal | undefined {
  const illegalCipher = checkCipher(session.cipher);
  if (illegalCipher) return illegalCipher;
  if (session.hashMode === "plain") {
    return checkHash(session.hashAlgorithm, session.resultBytes);
  }
  const illegalMac = checkMac(
    session.hashAlgorithm,
    session.authKey,
    session.resultBytes,
  );
  if (illegalMac) return illegalMac;
  // A chain request has one IV, the cipher's (virtio 1.4 §5.9.9.6).
  return algorithmByName("mac", session.hashAlgorithm)!.ivBytes === 0
    ? undefined
    : unsupported(`"${session.hashAlgorithm}" in a chain: it needs its own IV`);
}

function checkAead(session: AeadSession): Illegal | undefined {
  const algorithm = algorithmByName("aead", session.algorithm);
  if (!algorithm) return unsupported(`aead "${session.algorithm}"`);
  const illegalKey = checkKey(algorithm.name, algorithm.keyBytes, session.key);
  if (illegalKey) return illegalKey;
  if (algorithm.tagBytes.includes(session.tagBytes)) return undefined;
  return wrong(
    `${algorithm.name} tag of ${session.tagBytes} bytes, expected one of ` +
      algorithm.tagBytes.join(", "),
  );
}

/** What is wrong with `session`, or `undefined` when it is legal. */
export function findIllegal(session: SessionDescription): Illegal | undefined {
  switch (session.service) {
    case "cipher":
      return checkCipher(session);
    case "chain":
      return checkChain(session);
    case "hash":
      return checkHash(session.algorithm, session.resultBytes);
    case "mac":
      return checkMac(session.algorithm, session.key, session.resultBytes);
    case "aead":
      return checkAead(session);
    case "akcipher":
      if (session.algorithm === "ecdsa") {
        return CURVES.some((curve) => curve.name === session.curve)
          ? undefined
          : unsupported(`curve "${session.curve}"`);
      }
      return session.padding === "raw" ||
          RSA_HASHES.some((hash) => hash.name === session.hash)
        ? undefined
        : unsupported(`RSA hash "${session.hash}"`);
  }
}

/** How long the data of one message may be; lengths in bytes. */
export interface DataLimit {
  /** The longest data under any IV. */
  readonly maximumBytes: number;
  /** Bytes that nonce and length of the data share; 0 where they do not. */
  readonly nonceAndLengthBytes: number;
}

/**
 * The longest data of one message, where the algorithm's own standard sets a
 * limit. Counters that wrap are no limit of theirs: CTR (SP 800-38A §B.1) and
 * GCM's J0 go on at zero. Nor are the limits of a key's whole life, such as the
 * 2^20 blocks of 3DES (SP 800-67 §3.4): only who made the key can count those.
 * What no number here can hold is left out: 2^64 bits of SHA, of associated data.
 */
const MAXIMUM_DATA_BYTES: Readonly<Record<string, number>> = {
  // 2^20 blocks of a data unit: IEEE 1619 §5.1, SP 800-38E §4.
  "cipher.aes-xts": 2 ** 20 * 16,
  // 20000 bits: 3GPP TS 35.201 §3.1.
  "cipher.kasumi-f8": 20000 / 8,
  // 2^32 bits: 3GPP TS 35.215 §3.1.
  "cipher.snow3g-uea2": 2 ** 32 / 8,
  // 65504 bits: 3GPP TS 35.221 §3.1 and §4.1.
  "cipher.zuc-eea3": 65504 / 8,
  "mac.zuc-eia3": 65504 / 8,
  // A 32-bit counter, two values of which are for other things: SP 800-38D §5.2.1.1.
  "aead.gcm": (2 ** 32 - 2) * 16,
  // A 32-bit counter from 1 on: RFC 8439 §2.8.
  "aead.chacha20-poly1305": (2 ** 32 - 1) * 64,
};

/** The limit of an algorithm, which comes from the catalogue. */
export function dataLimit(algorithm: Algorithm): DataLimit {
  return {
    maximumBytes: MAXIMUM_DATA_BYTES[qualifiedName(algorithm)] ??
      Number.MAX_SAFE_INTEGER,
    nonceAndLengthBytes: algorithm.service === "aead"
      ? algorithm.nonceAndLengthBytes ?? 0
      : 0,
  };
}

/** Whether a message may have `dataBytes` of data under an IV of this length. */
export function dataFits(
  limit: DataLimit,
  ivBytes: number,
  dataBytes: number,
): boolean {
  const { maximumBytes, nonceAndLengthBytes } = limit;
  return dataBytes <= maximumBytes &&
    (nonceAndLengthBytes === 0 ||
      dataBytes < 2 ** (8 * (nonceAndLengthBytes - ivBytes)));
}
