/**
 * The parameters of a session as the standards number them, and their relation
 * to the catalogue's session descriptions. Control requests, session messages,
 * the v9 draft and stateless requests all carry these.
 *
 * A number that a field's enumeration does not have is NOTSUPP, a length that
 * cannot be is ERR. Which lengths an algorithm takes is the catalogue's matter.
 *
 * @module
 */

import { algorithmByNumber } from "../../algorithms/catalogue.ts";
import { copyKey, keyRoom } from "../../algorithms/key_bytes.ts";
import {
  CURVES,
  type KeyType,
  RSA_HASHES,
} from "../../algorithms/public_key.ts";
import {
  type CipherSession,
  type Direction,
  type EcdsaSession,
  hideKeys,
  type RsaSession,
  type SessionDescription,
} from "../../algorithms/session_description.ts";
import {
  ChainOrderNumber,
  DirectionNumber,
  HashMode,
  KeyTypeNumber,
  RsaPaddingNumber,
  ServiceNumber,
  SymmetricOperation,
} from "./opcodes.ts";
import { Status } from "./status.ts";

/** Why a session is not created. */
export interface Refusal {
  readonly status: Status;
  readonly reason: string;
}

/** Raw numbers of a session; fields that its service lacks are 0. */
export class SessionParameters {
  service: ServiceNumber = ServiceNumber.Cipher;
  /** CIPHER: cipher alone, or chaining. */
  opType: SymmetricOperation = SymmetricOperation.None;
  algorithm = 0;
  /** Encryption or decryption: CIPHER and AEAD. */
  direction = 0;
  /** Length of the cipher, MAC or public-key key. */
  keyBytes = 0;
  /** hash_result_len or tag_len. */
  digestBytes = 0;
  /** Chaining. */
  chainOrder = 0;
  hashMode = 0;
  /** A HASH number for plain hash mode, a MAC number for authenticated. */
  hashAlgorithm = 0;
  /** Length of the second key, the MAC's in a chain. */
  authKeyBytes = 0;
  /** AKCIPHER. */
  keyType = 0;
  rsaPadding = 0;
  rsaHash = 0;
  curve = 0;

  /** Forgets what the last request said. */
  clearParameters(): void {
    this.service = ServiceNumber.Cipher;
    this.opType = SymmetricOperation.None;
    this.algorithm = 0;
    this.direction = 0;
    this.keyBytes = 0;
    this.digestBytes = 0;
    this.chainOrder = 0;
    this.hashMode = 0;
    this.hashAlgorithm = 0;
    this.authKeyBytes = 0;
    this.keyType = 0;
    this.rsaPadding = 0;
    this.rsaHash = 0;
    this.curve = 0;
  }
}

/** Tells a refusal from a description. */
export function isRefusal(
  result: SessionDescription | Refusal,
): result is Refusal {
  return "reason" in result;
}

/** Refuses what the device does not have. */
export const unsupported = (reason: string): Refusal => ({
  status: Status.NotSupported,
  reason,
});

/**
 * The session in the catalogue's terms. The keys are copied, and only once
 * nothing stands in the way; `authKey` matters to chains alone.
 */
export function decodeSession(
  parameters: SessionParameters,
  key: Uint8Array,
  authKey: Uint8Array,
): SessionDescription | Refusal {
  const described = describe(parameters, key, authKey);
  return isRefusal(described) ? described : hideKeys(described);
}

function describe(
  parameters: SessionParameters,
  key: Uint8Array,
  authKey: Uint8Array,
): SessionDescription | Refusal {
  switch (parameters.service) {
    case ServiceNumber.Cipher:
      return describeSymmetric(parameters, key, authKey);
    case ServiceNumber.Hash:
      return describeHash(parameters);
    case ServiceNumber.Mac:
      return describeMac(parameters, key);
    case ServiceNumber.Aead:
      return describeAead(parameters, key);
    case ServiceNumber.Akcipher:
      return describeAkcipher(parameters, key);
  }
}

function directionOf(parameters: SessionParameters): Direction | Refusal {
  switch (parameters.direction) {
    case DirectionNumber.Encrypt:
      return "encrypt";
    case DirectionNumber.Decrypt:
      return "decrypt";
    default:
      return unsupported(`direction ${parameters.direction}`);
  }
}

function describeSymmetric(
  parameters: SessionParameters,
  key: Uint8Array,
  authKey: Uint8Array,
): SessionDescription | Refusal {
  switch (parameters.opType) {
    case SymmetricOperation.Cipher:
      return describeCipher(parameters, key);
    case SymmetricOperation.Chaining:
      return describeChain(parameters, key, authKey);
    default:
      return unsupported(`symmetric operation ${parameters.opType}`);
  }
}

function describeCipher(
  parameters: SessionParameters,
  key: Uint8Array,
): CipherSession | Refusal {
  const algorithm = algorithmByNumber("cipher", parameters.algorithm);
  if (!algorithm) return unsupported(`cipher number ${parameters.algorithm}`);
  const direction = directionOf(parameters);
  if (typeof direction !== "string") return direction;
  return {
    service: "cipher",
    algorithm: algorithm.name,
    direction,
    key: copyKey(key),
  };
}

function describeChain(
  parameters: SessionParameters,
  key: Uint8Array,
  authKey: Uint8Array,
): SessionDescription | Refusal {
  const { chainOrder, hashMode, hashAlgorithm } = parameters;
  if (
    chainOrder !== ChainOrderNumber.HashThenCipher &&
    chainOrder !== ChainOrderNumber.CipherThenHash
  ) return unsupported(`chain order ${chainOrder}`);
  if (hashMode !== HashMode.Plain && hashMode !== HashMode.Auth) {
    return unsupported(`hash mode ${hashMode}`);
  }
  const plain = hashMode === HashMode.Plain;
  const hash = algorithmByNumber(plain ? "hash" : "mac", hashAlgorithm);
  if (!hash) {
    return unsupported(`${plain ? "hash" : "MAC"} number ${hashAlgorithm}`);
  }
  const cipher = describeCipher(parameters, key);
  if (isRefusal(cipher)) return cipher;
  const { service: _, ...cipherPart } = cipher;
  return {
    service: "chain",
    order: chainOrder === ChainOrderNumber.HashThenCipher
      ? "hash-then-cipher"
      : "cipher-then-hash",
    cipher: cipherPart,
    hashMode: plain ? "plain" : "auth",
    hashAlgorithm: hash.name,
    authKey: plain ? keyRoom(0) : copyKey(authKey),
    resultBytes: parameters.digestBytes,
  };
}

function describeHash(
  parameters: SessionParameters,
): SessionDescription | Refusal {
  const algorithm = algorithmByNumber("hash", parameters.algorithm);
  if (!algorithm) return unsupported(`hash number ${parameters.algorithm}`);
  return {
    service: "hash",
    algorithm: algorithm.name,
    resultBytes: parameters.digestBytes,
  };
}

function describeMac(
  parameters: SessionParameters,
  key: Uint8Array,
): SessionDescription | Refusal {
  const algorithm = algorithmByNumber("mac", parameters.algorithm);
  if (!algorithm) return unsupported(`MAC number ${parameters.algorithm}`);
  return {
    service: "mac",
    algorithm: algorithm.name,
    key: copyKey(key),
    resultBytes: parameters.digestBytes,
  };
}

function describeAead(
  parameters: SessionParameters,
  key: Uint8Array,
): SessionDescription | Refusal {
  const algorithm = algorithmByNumber("aead", parameters.algorithm);
  if (!algorithm) return unsupported(`AEAD number ${parameters.algorithm}`);
  const direction = directionOf(parameters);
  if (typeof direction !== "string") return direction;
  return {
    service: "aead",
    algorithm: algorithm.name,
    direction,
    key: copyKey(key),
    tagBytes: parameters.digestBytes,
  };
}

function describeAkcipher(
  parameters: SessionParameters,
  key: Uint8Array,
): SessionDescription | Refusal {
  const algorithm = algorithmByNumber("akcipher", parameters.algorithm);
  if (!algorithm) return unsupported(`AKCIPHER number ${parameters.algorithm}`);
  const keyType = keyTypeOf(parameters);
  if (typeof keyType !== "string") return keyType;
  return algorithm.name === "rsa"
    ? describeRsa(parameters, keyType, key)
    : describeEcdsa(parameters, keyType, key);
}

function keyTypeOf(parameters: SessionParameters): KeyType | Refusal {
  switch (parameters.keyType) {
    case KeyTypeNumber.Public:
      return "public";
    case KeyTypeNumber.Private:
      return "private";
    default:
      return unsupported(`key type ${parameters.keyType}`);
  }
}

function describeRsa(
  parameters: SessionParameters,
  keyType: KeyType,
  key: Uint8Array,
): RsaSession | Refusal {
  const raw = parameters.rsaPadding === RsaPaddingNumber.Raw;
  if (!raw && parameters.rsaPadding !== RsaPaddingNumber.Pkcs1) {
    return unsupported(`RSA padding ${parameters.rsaPadding}`);
  }
  // With RAW padding hash_algo is ignored (virtio 1.4 §5.9.9.2.1.5).
  const number = raw ? 0 : parameters.rsaHash;
  const hash = RSA_HASHES.find((entry) => entry.number === number);
  if (!hash) return unsupported(`RSA hash ${number}`);
  return {
    service: "akcipher",
    algorithm: "rsa",
    keyType,
    key: copyKey(key),
    padding: raw ? "raw" : "pkcs1",
    hash: hash.name,
  };
}

function describeEcdsa(
  parameters: SessionParameters,
  keyType: KeyType,
  key: Uint8Array,
): EcdsaSession | Refusal {
  const curve = CURVES.find((entry) => entry.number === parameters.curve);
  if (!curve) return unsupported(`curve ${parameters.curve}`);
  return {
    service: "akcipher",
    algorithm: "ecdsa",
    keyType,
    key: copyKey(key),
    curve: curve.name,
  };
}

/** AKCIPHER number of ECDSA, whose parameters are one word, not two. */
const ECDSA = 2;

/**
 * Reads struct virtio_crypto_rsa_session_para or _ecdsa_session_para;
 * `algorithm` decides which it is (virtio 1.4 §5.9.9.2.1.5).
 */
export function readPublicKeyParameters(
  view: DataView,
  at: number,
  parameters: SessionParameters,
): void {
  if (parameters.algorithm === ECDSA) {
    parameters.curve = view.getUint32(at, true);
    return;
  }
  parameters.rsaPadding = view.getUint32(at, true);
  parameters.rsaHash = view.getUint32(at + 4, true);
}

/** Writes what `readPublicKeyParameters` reads. */
export function writePublicKeyParameters(
  view: DataView,
  at: number,
  parameters: SessionParameters,
): void {
  if (parameters.algorithm === ECDSA) {
    view.setUint32(at, parameters.curve, true);
    return;
  }
  view.setUint32(at, parameters.rsaPadding, true);
  view.setUint32(at + 4, parameters.rsaHash, true);
}
