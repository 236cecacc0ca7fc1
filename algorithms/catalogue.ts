/**
 * The catalogue: every algorithm that virtio 1.4 §5.9 numbers, with the sizes
 * its own standard allows. It is the one place that knows what is legal; wire,
 * device, backends and probe all read it here.
 *
 * @module
 */

/** The crypto services (virtio 1.4 §5.9.4) but for IPSEC, in their order. */
export const SERVICES = ["cipher", "hash", "mac", "aead", "akcipher"] as const;
/** A service by its name. */
export type Service = (typeof SERVICES)[number];

/** Names of the CIPHER algorithms. */
export type CipherName =
  | "arc4"
  | "aes-ecb"
  | "aes-cbc"
  | "aes-ctr"
  | "des-ecb"
  | "des-cbc"
  | "3des-ecb"
  | "3des-cbc"
  | "3des-ctr"
  | "kasumi-f8"
  | "snow3g-uea2"
  | "aes-f8"
  | "aes-xts"
  | "zuc-eea3";

/** Names of the HASH algorithms. */
export type HashName =
  | "md5"
  | "sha1"
  | "sha224"
  | "sha256"
  | "sha384"
  | "sha512"
  | "sha3-224"
  | "sha3-256"
  | "sha3-384"
  | "sha3-512"
  | "shake128"
  | "shake256";

/** Names of the MAC algorithms. */
export type MacName =
  | "hmac-md5"
  | "hmac-sha1"
  | "hmac-sha224"
  | "hmac-sha256"
  | "hmac-sha384"
  | "hmac-sha512"
  | "cmac-3des"
  | "cmac-aes"
  | "kasumi-f9"
  | "snow3g-uia2"
  | "gmac-aes"
  | "gmac-twofish"
  | "cbcmac-aes"
  | "cbcmac-kasumi-f9"
  | "xcbc-aes"
  | "zuc-eia3";

/** Names of the AEAD algorithms. */
export type AeadName = "gcm" | "ccm" | "chacha20-poly1305";

/** Names of the AKCIPHER algorithms. */
export type AkcipherName = "rsa" | "ecdsa";

/** A set of byte lengths: `minimum`, `minimum + step`, … up to `maximum`. */
export interface Lengths {
  /** The shortest. */
  readonly minimum: number;
  /** The longest. */
  readonly maximum: number;
  /** From one length to the next. */
  readonly step: number;
}

/** What the algorithms of all services have. */
export interface NamedAlgorithm<Name extends string> {
  /** Name used in options, logs and plugins, for example `aes-cbc`. */
  readonly name: Name;
  /** The standard's number of the algorithm within its service. */
  readonly number: number;
  /** Why a guest should not get this by accident; absent when it is sound. */
  readonly weakness?: string;
}

/** A symmetric cipher. */
export interface CipherAlgorithm extends NamedAlgorithm<CipherName> {
  /** Tells it from the algorithms of other services. */
  readonly service: "cipher";
  /** Lengths of its keys. */
  readonly keyBytes: Lengths;
  /** Length of the initialization vector, counter block or tweak. */
  readonly ivBytes: number;
  /** The data length is a multiple of this. */
  readonly blockBytes: number;
  /** The shortest data that is not empty. */
  readonly minimumBytes: number;
}

/** A hash function. */
export interface HashAlgorithm extends NamedAlgorithm<HashName> {
  /** Tells it from the algorithms of other services. */
  readonly service: "hash";
  /** Full length of the digest; for an extendable output, the usual length. */
  readonly digestBytes: number;
  /** The longest result that a session may ask for. */
  readonly maximumResultBytes: number;
  /** Block of the compression function, which HMAC pads its key to. */
  readonly blockBytes: number;
}

/** A message authentication code. */
export interface MacAlgorithm extends NamedAlgorithm<MacName> {
  /** Tells it from the algorithms of other services. */
  readonly service: "mac";
  /** Lengths of its keys. */
  readonly keyBytes: Lengths;
  /** Full length of the code; a session may ask for its first bytes. */
  readonly digestBytes: number;
  /** The initialization vector that opens the source data; 0 for none. */
  readonly ivBytes: number;
  /** The length of the data behind the IV is a multiple of this. */
  readonly blockBytes: number;
  /** The hash under an HMAC. */
  readonly hash?: HashName;
}

/** An authenticated cipher with associated data. */
export interface AeadAlgorithm extends NamedAlgorithm<AeadName> {
  /** Tells it from the algorithms of other services. */
  readonly service: "aead";
  /** Lengths of its keys. */
  readonly keyBytes: Lengths;
  /** Lengths of its nonces. */
  readonly ivBytes: Lengths;
  /**
   * Bytes that the IV field takes in a request where that is not `iv_len`:
   * 16 for CCM, whose nonce starts at the second byte (virtio 1.4 §5.9.9.7).
   */
  readonly ivFieldBytes?: number;
  /**
   * Bytes that nonce and length of the data share, where the length has what the
   * nonce leaves: 15 for CCM (NIST SP 800-38C §A.1).
   */
  readonly nonceAndLengthBytes?: number;
  /** Lengths of its tags. */
  readonly tagBytes: readonly number[];
}

/** A public-key algorithm. */
export interface AkcipherAlgorithm extends NamedAlgorithm<AkcipherName> {
  /** Tells it from the algorithms of other services. */
  readonly service: "akcipher";
}

/** An algorithm of any service. */
export type Algorithm =
  | CipherAlgorithm
  | HashAlgorithm
  | MacAlgorithm
  | AeadAlgorithm
  | AkcipherAlgorithm;

const exactly = (bytes: number): Lengths => ({
  minimum: bytes,
  maximum: bytes,
  step: 1,
});
const range = (minimum: number, maximum: number, step = 1): Lengths => ({
  minimum,
  maximum,
  step,
});

const AES_KEY = range(16, 32, 8);
/** RFC 2104 takes a key of any length; this bounds what a guest can ask for. */
const HMAC_KEY = range(0, 1024);

const SMALL_KEY = "a 56-bit key is found by search";
const SMALL_BLOCK = "a 64-bit block repeats within a few GiB (Sweet32)";

type Sizes<A> = Omit<A, "service" | "name" | "number">;

const cipher = (
  name: CipherName,
  number: number,
  sizes: Omit<Sizes<CipherAlgorithm>, "minimumBytes"> & {
    minimumBytes?: number;
  },
): CipherAlgorithm => ({
  service: "cipher",
  name,
  number,
  minimumBytes: sizes.blockBytes,
  ...sizes,
});
const hash = (
  name: HashName,
  number: number,
  digestBytes: number,
  blockBytes: number,
  maximumResultBytes = digestBytes,
): HashAlgorithm => ({
  service: "hash",
  name,
  number,
  digestBytes,
  maximumResultBytes,
  blockBytes,
});
const hmac = (
  hash: "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512",
  number: number,
  digestBytes: number,
): MacAlgorithm => ({
  service: "mac",
  name: `hmac-${hash}`,
  number,
  keyBytes: HMAC_KEY,
  digestBytes,
  ivBytes: 0,
  blockBytes: 1,
  hash,
});
const mac = (
  name: MacName,
  number: number,
  sizes: Omit<Sizes<MacAlgorithm>, "blockBytes"> & { blockBytes?: number },
): MacAlgorithm => ({ service: "mac", name, number, blockBytes: 1, ...sizes });

/** virtio 1.4 §5.9.4.1, CIPHER. */
export const CIPHERS: readonly CipherAlgorithm[] = [
  cipher("arc4", 1, {
    keyBytes: range(1, 256),
    ivBytes: 0,
    blockBytes: 1,
    weakness: "RC4's key stream is biased (RFC 7465)",
  }),
  cipher("aes-ecb", 2, { keyBytes: AES_KEY, ivBytes: 0, blockBytes: 16 }),
  cipher("aes-cbc", 3, { keyBytes: AES_KEY, ivBytes: 16, blockBytes: 16 }),
  cipher("aes-ctr", 4, { keyBytes: AES_KEY, ivBytes: 16, blockBytes: 1 }),
  cipher("des-ecb", 5, {
    keyBytes: exactly(8),
    ivBytes: 0,
    blockBytes: 8,
    weakness: SMALL_KEY,
  }),
  cipher("des-cbc", 6, {
    keyBytes: exactly(8),
    ivBytes: 8,
    blockBytes: 8,
    weakness: SMALL_KEY,
  }),
  cipher("3des-ecb", 7, {
    keyBytes: exactly(24),
    ivBytes: 0,
    blockBytes: 8,
    weakness: SMALL_BLOCK,
  }),
  cipher("3des-cbc", 8, {
    keyBytes: exactly(24),
    ivBytes: 8,
    blockBytes: 8,
    weakness: SMALL_BLOCK,
  }),
  cipher("3des-ctr", 9, {
    keyBytes: exactly(24),
    ivBytes: 8,
    blockBytes: 1,
    weakness: SMALL_BLOCK,
  }),
  cipher("kasumi-f8", 10, {
    keyBytes: exactly(16),
    ivBytes: 8,
    blockBytes: 1,
  }),
  cipher("snow3g-uea2", 11, {
    keyBytes: exactly(16),
    ivBytes: 16,
    blockBytes: 1,
  }),
  // The key is the AES key and the equally long mask of RFC 3711 §4.1.2.2.
  cipher("aes-f8", 12, {
    keyBytes: range(32, 64, 16),
    ivBytes: 16,
    blockBytes: 1,
  }),
  // Two AES-128 or two AES-256 keys (IEEE 1619 has no 192-bit form).
  cipher("aes-xts", 13, {
    keyBytes: range(32, 64, 32),
    ivBytes: 16,
    blockBytes: 1,
    minimumBytes: 16,
  }),
  cipher("zuc-eea3", 14, {
    keyBytes: exactly(16),
    ivBytes: 16,
    blockBytes: 1,
  }),
];

/** Longest result of a SHAKE session; the standard sets no limit. */
const SHAKE_MAXIMUM_BYTES = 65536;

/** virtio 1.4 §5.9.4.2, HASH. */
export const HASHES: readonly HashAlgorithm[] = [
  hash("md5", 1, 16, 64),
  hash("sha1", 2, 20, 64),
  hash("sha224", 3, 28, 64),
  hash("sha256", 4, 32, 64),
  hash("sha384", 5, 48, 128),
  hash("sha512", 6, 64, 128),
  hash("sha3-224", 7, 28, 144),
  hash("sha3-256", 8, 32, 136),
  hash("sha3-384", 9, 48, 104),
  hash("sha3-512", 10, 64, 72),
  hash("shake128", 11, 16, 168, SHAKE_MAXIMUM_BYTES),
  hash("shake256", 12, 32, 136, SHAKE_MAXIMUM_BYTES),
];

/** virtio 1.4 §5.9.4.3, MAC. */
export const MACS: readonly MacAlgorithm[] = [
  hmac("md5", 1, 16),
  hmac("sha1", 2, 20),
  hmac("sha224", 3, 28),
  hmac("sha256", 4, 32),
  hmac("sha384", 5, 48),
  hmac("sha512", 6, 64),
  mac("cmac-3des", 25, {
    keyBytes: exactly(24),
    digestBytes: 8,
    ivBytes: 0,
    weakness: SMALL_BLOCK,
  }),
  mac("cmac-aes", 26, { keyBytes: AES_KEY, digestBytes: 16, ivBytes: 0 }),
  mac("kasumi-f9", 27, { keyBytes: exactly(16), digestBytes: 4, ivBytes: 0 }),
  mac("snow3g-uia2", 28, {
    keyBytes: exactly(16),
    digestBytes: 4,
    ivBytes: 16,
  }),
  mac("gmac-aes", 41, { keyBytes: AES_KEY, digestBytes: 16, ivBytes: 12 }),
  mac("gmac-twofish", 42, { keyBytes: AES_KEY, digestBytes: 16, ivBytes: 12 }),
  mac("cbcmac-aes", 49, {
    keyBytes: AES_KEY,
    digestBytes: 16,
    ivBytes: 0,
    blockBytes: 16,
  }),
  mac("cbcmac-kasumi-f9", 50, {
    keyBytes: exactly(16),
    digestBytes: 4,
    ivBytes: 0,
  }),
  mac("xcbc-aes", 53, { keyBytes: exactly(16), digestBytes: 16, ivBytes: 0 }),
  mac("zuc-eia3", 54, { keyBytes: exactly(16), digestBytes: 4, ivBytes: 16 }),
];

/** virtio 1.4 §5.9.4.4, AEAD. */
export const AEADS: readonly AeadAlgorithm[] = [
  {
    service: "aead",
    name: "gcm",
    number: 1,
    keyBytes: AES_KEY,
    // 12, or 16 when the field holds J0 itself.
    ivBytes: range(12, 16, 4),
    // NIST SP 800-38D §5.2.1.2
    tagBytes: [4, 8, 12, 13, 14, 15, 16],
  },
  {
    service: "aead",
    name: "ccm",
    number: 2,
    keyBytes: AES_KEY,
    ivBytes: range(7, 13),
    ivFieldBytes: 16,
    nonceAndLengthBytes: 15,
    // NIST SP 800-38C §A.1
    tagBytes: [4, 6, 8, 10, 12, 14, 16],
  },
  {
    service: "aead",
    name: "chacha20-poly1305",
    number: 3,
    keyBytes: exactly(32),
    ivBytes: exactly(12),
    tagBytes: [16],
  },
];

/** virtio 1.4 §5.9.4.5, AKCIPHER. */
export const AKCIPHERS: readonly AkcipherAlgorithm[] = [
  { service: "akcipher", name: "rsa", number: 1 },
  { service: "akcipher", name: "ecdsa", number: 2 },
];

/** All algorithms, by service and then by number. */
export const ALGORITHMS: readonly Algorithm[] = [
  ...CIPHERS,
  ...HASHES,
  ...MACS,
  ...AEADS,
  ...AKCIPHERS,
];

const byNumber = new Map(
  ALGORITHMS.map((entry) => [`${entry.service}.${entry.number}`, entry]),
);
const byName = new Map(
  ALGORITHMS.map((entry) => [`${entry.service}.${entry.name}`, entry]),
);

/** The algorithms of service `S`. */
export type AlgorithmOf<S extends Service> = Extract<Algorithm, { service: S }>;

/** The algorithm with the standard's number, or `undefined`. */
export function algorithmByNumber<S extends Service>(
  service: S,
  number: number,
): AlgorithmOf<S> | undefined {
  return byNumber.get(`${service}.${number}`) as AlgorithmOf<S> | undefined;
}

/** The algorithm with the catalogue's name, or `undefined`. */
export function algorithmByName<S extends Service>(
  service: S,
  name: string,
): AlgorithmOf<S> | undefined {
  return byName.get(`${service}.${name}`) as AlgorithmOf<S> | undefined;
}

/** `cipher.aes-cbc`: the name that options, logs and probe use. */
export function qualifiedName(algorithm: Algorithm): string {
  return `${algorithm.service}.${algorithm.name}`;
}

/** Whether `lengths` contains `bytes`. */
export function allowsLength(lengths: Lengths, bytes: number): boolean {
  return bytes >= lengths.minimum && bytes <= lengths.maximum &&
    (bytes - lengths.minimum) % lengths.step === 0;
}

/** Every length in `lengths`, smallest first; meant for short sets. */
export function listLengths(lengths: Lengths): number[] {
  const all: number[] = [];
  for (let n = lengths.minimum; n <= lengths.maximum; n += lengths.step) {
    all.push(n);
  }
  return all;
}
