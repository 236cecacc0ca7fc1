/**
 * Paddings, hashes and curves of public-key sessions (virtio 1.4 §5.9.9.2.1.5).
 *
 * @module
 */

import { fromHex } from "./hex.ts";

/** Half of a key pair; a private key has its public part. */
export type KeyType = "public" | "private";
/** PKCS#1 v1.5 (RFC 8017 §7.2, §8.2), or the bare operation. */
export type RsaPadding = "raw" | "pkcs1";

/** Names of the hashes of RSA PKCS#1 v1.5 signatures; `none` takes data as it is. */
export type RsaHashName =
  | "none"
  | "md2"
  | "md4"
  | "md5"
  | "sha1"
  | "sha224"
  | "sha256"
  | "sha384"
  | "sha512";

/** Names of the curves, as NIST has them. */
export type CurveName = "p192" | "p224" | "p256" | "p384" | "p521";

/** A hash that an RSA PKCS#1 v1.5 signature names in its DigestInfo. */
export interface RsaHash {
  /** As sessions name it. */
  readonly name: RsaHashName;
  /** The standard's number (VIRTIO_CRYPTO_RSA_*). */
  readonly number: number;
  /** Length of what is signed; 0: any. */
  readonly digestBytes: number;
  /**
   * The DER of DigestInfo up to the digest itself (RFC 8017 §9.2 note 1);
   * empty where the data is signed as it stands.
   */
  readonly digestInfoPrefix: Uint8Array;
}

/**
 * MD3 (number 2) is missing: it was never published, so no object identifier
 * and no implementation exist.
 */
export const RSA_HASHES: readonly RsaHash[] = [
  {
    name: "none",
    number: 0,
    digestBytes: 0,
    digestInfoPrefix: fromHex(""),
  },
  {
    name: "md2",
    number: 1,
    digestBytes: 16,
    digestInfoPrefix: fromHex("3020300c06082a864886f70d020205000410"),
  },
  {
    name: "md4",
    number: 3,
    digestBytes: 16,
    digestInfoPrefix: fromHex("3020300c06082a864886f70d020405000410"),
  },
  {
    name: "md5",
    number: 4,
    digestBytes: 16,
    digestInfoPrefix: fromHex("3020300c06082a864886f70d020505000410"),
  },
  {
    name: "sha1",
    number: 5,
    digestBytes: 20,
    digestInfoPrefix: fromHex("3021300906052b0e03021a05000414"),
  },
  {
    name: "sha256",
    number: 6,
    digestBytes: 32,
    digestInfoPrefix: fromHex("3031300d060960864801650304020105000420"),
  },
  {
    name: "sha384",
    number: 7,
    digestBytes: 48,
    digestInfoPrefix: fromHex("3041300d060960864801650304020205000430"),
  },
  {
    name: "sha512",
    number: 8,
    digestBytes: 64,
    digestInfoPrefix: fromHex("3051300d060960864801650304020305000440"),
  },
  {
    name: "sha224",
    number: 9,
    digestBytes: 28,
    digestInfoPrefix: fromHex("302d300d06096086480165030402040500041c"),
  },
];

/** A NIST curve (VIRTIO_CRYPTO_CURVE_NIST_*). */
export interface Curve {
  /** As sessions name it. */
  readonly name: CurveName;
  /** The standard's number. */
  readonly number: number;
  /** Length of a field element. */
  readonly fieldBytes: number;
}

/** All curves of the standard. */
export const CURVES: readonly Curve[] = [
  { name: "p192", number: 1, fieldBytes: 24 },
  { name: "p224", number: 2, fieldBytes: 28 },
  { name: "p256", number: 3, fieldBytes: 32 },
  { name: "p384", number: 4, fieldBytes: 48 },
  { name: "p521", number: 5, fieldBytes: 66 },
];

/** The shortest modulus that an RSA session accepts. */
export const RSA_MINIMUM_BITS = 512;
/** The longest modulus that an RSA session accepts. */
export const RSA_MAXIMUM_BITS = 8192;
