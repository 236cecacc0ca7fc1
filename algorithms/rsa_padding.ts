/**
 * The PKCS#1 v1.5 paddings of RSA (RFC 8017 §7.2 and §9.2), for backends whose
 * library offers the bare RSA primitive or whose unpadding is not to be trusted
 * with a guest that watches for differences.
 *
 * An encoded message is always as long as the modulus.
 *
 * @module
 */

import { RSA_HASHES, type RsaHash } from "./public_key.ts";

/** Bytes that either padding takes at least (RFC 8017 §7.2.1 and §9.2). */
const MINIMUM_PADDING_BYTES = 11;

/** The hash of `RSA_HASHES` with this name; throws for any other. */
export function rsaHashByName(name: string): RsaHash {
  const hash = RSA_HASHES.find((entry) => entry.name === name);
  if (!hash) throw new RangeError(`RSA hash "${name}" is not in the catalogue`);
  return hash;
}

/**
 * EMSA-PKCS1-v1_5 (RFC 8017 §9.2) of a digest: fills `encoded` and returns
 * whether it fits. With the hash `none`, `digest` is any data, taken as it is.
 */
export function padForSignature(
  hash: RsaHash,
  digest: Uint8Array,
  encoded: Uint8Array,
): boolean {
  if (hash.name !== "none" && digest.length !== hash.digestBytes) return false;
  const prefix = hash.digestInfoPrefix;
  const contentBytes = prefix.length + digest.length;
  if (contentBytes + MINIMUM_PADDING_BYTES > encoded.length) return false;
  const content = encoded.length - contentBytes;
  encoded[0] = 0;
  encoded[1] = 1;
  encoded.fill(0xff, 2, content - 1);
  encoded[content - 1] = 0;
  encoded.set(prefix, content);
  encoded.set(digest, content + prefix.length);
  return true;
}

/**
 * RSASSA-PKCS1-v1_5 verification by comparison (RFC 8017 §8.2.2): whether
 * `recovered`, the signature under the public key, is the one encoding that
 * `digest` has. Nothing in the recovered bytes is parsed.
 */
export function signatureMatches(
  hash: RsaHash,
  digest: Uint8Array,
  recovered: Uint8Array,
): boolean {
  const expected = new Uint8Array(recovered.length);
  if (!padForSignature(hash, digest, expected)) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    difference |= expected[i]! ^ recovered[i]!;
  }
  return difference === 0;
}

/**
 * EME-PKCS1-v1_5 encoding (RFC 8017 §7.2.1): fills `encoded` and returns
 * whether `message` fits.
 */
export function padForEncryption(
  message: Uint8Array,
  encoded: Uint8Array,
): boolean {
  if (message.length + MINIMUM_PADDING_BYTES > encoded.length) return false;
  const separator = encoded.length - message.length - 1;
  encoded[0] = 0;
  encoded[1] = 2;
  fillNonZero(encoded.subarray(2, separator));
  encoded[separator] = 0;
  encoded.set(message, separator + 1);
  return true;
}

function fillNonZero(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
  const one = new Uint8Array(1);
  for (let i = 0; i < bytes.length; i++) {
    while (bytes[i] === 0) {
      crypto.getRandomValues(one);
      bytes[i] = one[0]!;
    }
  }
}

/** Where the message of a decrypted encoding starts, if it is one. */
export interface Unpadded {
  readonly ok: boolean;
  /** Offset of the message; the encoding's length when not `ok`. */
  readonly start: number;
}

/** All ones when `value`, an integer in 0 … 2^31 - 1, is zero; else zero. */
const maskOfZero = (value: number): number => (value - 1) >> 31;

/**
 * EME-PKCS1-v1_5 decoding (RFC 8017 §7.2.2). Every byte is read and no branch
 * or index depends on them, so that time does not tell one malformed encoding
 * from another; callers answer every failure with the same status.
 */
export function unpadEncryption(encoded: Uint8Array): Unpadded {
  const length = encoded.length;
  if (length < MINIMUM_PADDING_BYTES) return { ok: false, start: length };
  let good = maskOfZero(encoded[0]!) & maskOfZero(encoded[1]! ^ 2);
  let searching = -1;
  let separator = 0;
  for (let i = 2; i < length; i++) {
    const found = maskOfZero(encoded[i]!) & searching;
    separator |= found & i;
    searching &= ~found;
  }
  // Eight bytes of padding at least: the separator is at 10 or later.
  good &= ~searching & ~((separator - 10) >> 31);
  const start = ((separator + 1) & good) | (length & ~good);
  return { ok: good !== 0, start };
}
