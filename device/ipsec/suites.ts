/**
 * The algorithms of ESP: what an association needs of a backend, and what its
 * packets look like. Lengths are those of each algorithm's own RFC, since the
 * resource object has no field for them.
 *
 * @module
 */

import {
  AEADS,
  type Algorithm,
  CIPHERS,
  MACS,
} from "../../algorithms/catalogue.ts";
import type {
  Direction,
  SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  CCM_SALT_BYTES,
  NO_CIPHER,
  SALT_BYTES,
} from "../wire/ipsec_readings.ts";
import type { AssociationFields } from "../wire/security_association.ts";

/** Where a packet's IV comes from, and what the cipher makes of it. */
export const enum IvKind {
  /** NULL encryption without an IV. */
  None = 0,
  /** Random, and the cipher's own: CBC. */
  Random = 1,
  /** From the device's counter; the nonce is salt and IV. */
  Nonce = 2,
  /** The same, followed by a block counter of 1: CTR (RFC 3686 §4). */
  NonceAndCounter = 3,
}

/** What the algorithms of an association need and leave in a packet. */
export interface Suite {
  readonly kind: "aead" | "chain" | "mac";
  readonly iv: IvKind;
  /** The IV in the packet. */
  readonly ivBytes: number;
  readonly saltBytes: number;
  /** Payload and trailer are a multiple of this, and of 4. */
  readonly blockBytes: number;
  readonly icvBytes: number;
  /** GMAC's IV is the first of what it reads (RFC 4543 §3). */
  readonly ivLeadsData: boolean;
}

interface CipherShape {
  readonly iv: IvKind;
  readonly ivBytes: number;
  readonly saltBytes: number;
  readonly blockBytes: number;
}

const CIPHER_SHAPES: Readonly<Record<string, CipherShape>> = {
  // RFC 3602
  "aes-cbc": { iv: IvKind.Random, ivBytes: 16, saltBytes: 0, blockBytes: 16 },
  // RFC 3686
  "aes-ctr": {
    iv: IvKind.NonceAndCounter,
    ivBytes: 8,
    saltBytes: SALT_BYTES,
    blockBytes: 4,
  },
};

/** RFC 2410 */
const NO_CIPHER_SHAPE: CipherShape = {
  iv: IvKind.None,
  ivBytes: 0,
  saltBytes: 0,
  blockBytes: 4,
};

/** Salts; the IV has 8 bytes, the ICV 16: RFC 4106, RFC 4309, RFC 7634. */
const AEAD_SALTS: Readonly<Record<string, number>> = {
  "gcm": SALT_BYTES,
  "ccm": CCM_SALT_BYTES,
  "chacha20-poly1305": SALT_BYTES,
};

/** Lengths of key and ICV: RFC 2404, RFC 4868, RFC 4494, RFC 3566. */
const MAC_SHAPES: Readonly<
  Record<string, { readonly keyBytes: number; readonly icvBytes: number }>
> = {
  "hmac-sha1": { keyBytes: 20, icvBytes: 12 },
  "hmac-sha256": { keyBytes: 32, icvBytes: 16 },
  "cmac-aes": { keyBytes: 16, icvBytes: 12 },
  "xcbc-aes": { keyBytes: 16, icvBytes: 12 },
};

/** RFC 4543: authentication alone, with an IV. */
const GMAC = "gmac-aes";

/** The algorithms that associations may have, as masks of their numbers. */
export interface SuiteMasks {
  readonly ciphers: bigint;
  readonly macs: bigint;
  readonly aeads: number;
}

/** Whatever has a number. */
export const ALL_SUITES: SuiteMasks = {
  ciphers: 2n ** 64n - 1n,
  macs: 2n ** 64n - 1n,
  aeads: 2 ** 32 - 1,
};

/** What of `offered` serves ESP. */
export function suiteMasks(offered: readonly Algorithm[]): SuiteMasks {
  const mask = (service: string, names: readonly string[]) =>
    offered.filter((one) => one.service === service && names.includes(one.name))
      .reduce((all, { number }) => all | 1n << BigInt(number), 0n);
  const macs = mask("mac", [...Object.keys(MAC_SHAPES), GMAC]);
  const aeads = mask("aead", Object.keys(AEAD_SALTS));
  // A cipher alone protects nothing.
  const ciphers = macs === 0n
    ? 0n
    : mask("cipher", Object.keys(CIPHER_SHAPES)) | 1n << BigInt(NO_CIPHER);
  return { ciphers, macs, aeads: Number(aeads) };
}

/** An association's algorithms: the session that a backend opens, and the rest. */
export interface ChosenSuite {
  readonly suite: Suite;
  /** Its keys are windows on those of the fields. */
  readonly description: SessionDescription;
}

const has = (mask: bigint, number: number): boolean =>
  Number.isSafeInteger(number) && number < 64 &&
  (mask >> BigInt(number) & 1n) !== 0n;

/** The suite that `fields` name, or why there is none. */
export function chooseSuite(
  fields: AssociationFields,
  masks: SuiteMasks,
  direction: Direction,
): ChosenSuite | string {
  const { cipherKeyBytes, authKeyBytes, cipherKey, authKey } = fields;
  if (cipherKeyBytes > cipherKey.length || authKeyBytes > authKey.length) {
    return "a key is longer than its field";
  }
  const isAead = fields.cipherAlgorithm === NO_CIPHER && cipherKeyBytes > 0;
  if (!isAead) return chooseWithMac(fields, masks, direction);
  if (authKeyBytes > 0) return "an AEAD has one key";
  return chooseAead(fields, masks, direction);
}

function chooseAead(
  { authAlgorithm, cipherKey, cipherKeyBytes }: AssociationFields,
  masks: SuiteMasks,
  direction: Direction,
): ChosenSuite | string {
  if (!has(BigInt(masks.aeads), authAlgorithm)) {
    return `AEAD ${authAlgorithm} is not offered`;
  }
  const { name } = AEADS.find(({ number }) => number === authAlgorithm)!;
  return {
    suite: {
      kind: "aead",
      iv: IvKind.Nonce,
      ivBytes: 8,
      saltBytes: AEAD_SALTS[name]!,
      blockBytes: 4,
      icvBytes: 16,
      ivLeadsData: false,
    },
    description: {
      service: "aead",
      algorithm: name,
      direction,
      key: cipherKey.subarray(0, cipherKeyBytes),
      tagBytes: 16,
    },
  };
}

function chooseWithMac(
  fields: AssociationFields,
  masks: SuiteMasks,
  direction: Direction,
): ChosenSuite | string {
  const { cipherAlgorithm, authAlgorithm, authKeyBytes } = fields;
  if (!has(masks.macs, authAlgorithm)) {
    return `MAC ${authAlgorithm} is not offered`;
  }
  if (!has(masks.ciphers, cipherAlgorithm)) {
    return `cipher ${cipherAlgorithm} is not offered`;
  }
  const mac = MACS.find(({ number }) => number === authAlgorithm)!.name;
  if (mac === GMAC) {
    return cipherAlgorithm === NO_CIPHER
      ? macOnly(fields, mac, GMAC_SHAPE, 16)
      : "GMAC goes with no cipher (RFC 4543)";
  }
  const { keyBytes, icvBytes } = MAC_SHAPES[mac]!;
  if (authKeyBytes !== keyBytes) {
    return `${mac} key of ${authKeyBytes} bytes, expected ${keyBytes}`;
  }
  return cipherAlgorithm === NO_CIPHER
    ? macOnly(fields, mac, NO_CIPHER_SHAPE, icvBytes)
    : cipherAndMac(fields, mac, icvBytes, direction);
}

const GMAC_SHAPE: CipherShape = {
  iv: IvKind.Nonce,
  ivBytes: 8,
  saltBytes: SALT_BYTES,
  blockBytes: 4,
};

function macOnly(
  { authKey, authKeyBytes }: AssociationFields,
  algorithm: string,
  shape: CipherShape,
  icvBytes: number,
): ChosenSuite {
  return {
    suite: { kind: "mac", ...shape, icvBytes, ivLeadsData: shape.ivBytes > 0 },
    description: {
      service: "mac",
      algorithm,
      key: authKey.subarray(0, authKeyBytes),
      resultBytes: icvBytes,
    },
  };
}

function cipherAndMac(
  fields: AssociationFields,
  hashAlgorithm: string,
  icvBytes: number,
  direction: Direction,
): ChosenSuite {
  const { cipherAlgorithm, cipherKey, cipherKeyBytes } = fields;
  const { name } = CIPHERS.find(({ number }) => number === cipherAlgorithm)!;
  return {
    suite: {
      kind: "chain",
      ...CIPHER_SHAPES[name]!,
      icvBytes,
      ivLeadsData: false,
    },
    description: {
      service: "chain",
      order: direction === "encrypt" ? "cipher-then-hash" : "hash-then-cipher",
      cipher: {
        algorithm: name,
        direction,
        key: cipherKey.subarray(0, cipherKeyBytes),
      },
      hashMode: "auth",
      hashAlgorithm,
      authKey: fields.authKey.subarray(0, fields.authKeyBytes),
      resultBytes: icvBytes,
    },
  };
}
