/**
 * Keys of public-key algorithms in the forms that people have them in, and what
 * they are: which algorithm, which half, which curve. Whether the numbers are
 * right is the device's to say.
 *
 * @module
 */

import { DerError, DerReader, DerTag } from "../../algorithms/der.ts";
import { toHex } from "../../algorithms/hex.ts";
import { copyKey } from "../../algorithms/key_bytes.ts";
import {
  curveOf,
  EC_PUBLIC_KEY,
  RSA_ENCRYPTION,
} from "../../algorithms/key_files.ts";
import { PemError, readPem } from "../../algorithms/pem.ts";
import {
  type CurveName,
  CURVES,
  type KeyType,
} from "../../algorithms/public_key.ts";
import type { AsymmetricKey } from "../parameters.ts";
import { exportPublicKeyPair, isCryptoKey } from "./crypto_key.ts";
import { decodeAsymmetricJwk } from "./json_web_key.ts";
import { KeyError } from "./key_error.ts";

/** A key as sessions carry it. */
export interface KeyMaterial {
  readonly algorithm: "rsa" | "ecdsa";
  readonly keyType: KeyType;
  /** RSAPrivateKey, RSAPublicKey, ECPrivateKey or a point; a copy, to be wiped. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Of an EC key that says so. */
  readonly curve?: CurveName;
}

const RSA_PSS = "2a864886f70d01010a";
const UNCOMPRESSED = 4;

/**
 * The material of a key. Bytes and objects are read before it returns; a promise
 * comes of a `CryptoKey` alone. Throws, or rejects with, a {@linkcode KeyError}.
 */
export function takeAsymmetricKey(
  key: AsymmetricKey,
): KeyMaterial | Promise<KeyMaterial> {
  if (typeof key === "string") return fromPem(new TextEncoder().encode(key));
  if (key instanceof Uint8Array) {
    return isPem(key) ? fromPem(key) : fromDerOrPoint(key);
  }
  if (isCryptoKey(key)) {
    return exportPublicKeyPair(key).then((der) => {
      try {
        return fromDerOrPoint(der);
      } finally {
        der.fill(0);
      }
    });
  }
  if (typeof key === "object" && key !== null && "kty" in key) {
    return decodeAsymmetricJwk(key);
  }
  throw new KeyError(
    "is of no known form",
    "PEM, DER, a JSON Web Key or a CryptoKey",
  );
}

const isPem = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, 200)).includes("-----BEGIN ");

function fromPem(text: Uint8Array): KeyMaterial {
  let blocks;
  try {
    blocks = readPem(text);
  } catch (error) {
    if (!(error instanceof PemError)) throw error;
    throw new KeyError(`is broken PEM (${error.message})`, "a key in PEM");
  }
  try {
    const labels = blocks.map(({ label }) => label);
    const keys = blocks.filter(({ label }) => label.endsWith(" KEY"));
    const names = labels.length === 0
      ? "no PEM block"
      : `the PEM blocks ${labels.join(", ")}`;
    const [block] = keys;
    if (!block || keys.length > 1) {
      throw new KeyError(`is a text with ${names}`, "one key in PEM");
    }
    if (block.label.startsWith("ENCRYPTED")) {
      throw new KeyError("has a passphrase", "a key that is decrypted");
    }
    return fromDerOrPoint(block.der);
  } finally {
    for (const { der } of blocks) der.fill(0);
  }
}

function fromDerOrPoint(bytes: Uint8Array): KeyMaterial {
  if (bytes.length === 0) throw new KeyError("has 0 bytes", "a key");
  if (bytes[0] !== DerTag.Sequence) return fromPoint(bytes);
  try {
    return fromDer(bytes);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new KeyError(
      `is broken DER (${error.message})`,
      "PKCS#8, SubjectPublicKeyInfo, RSAPrivateKey, RSAPublicKey or ECPrivateKey",
    );
  }
}

/** Tells the structures apart by their first two elements. */
function fromDer(bytes: Uint8Array): KeyMaterial {
  const outer = new DerReader(bytes);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  if (fields.isNext(DerTag.Sequence)) return fromPublicKeyInfo(fields);
  fields.magnitudeBytes();
  if (fields.isNext(DerTag.Sequence)) return fromPrivateKeyInfo(fields);
  if (fields.isNext(DerTag.OctetString)) return fromEcPrivateKey(bytes);
  // A modulus and an exponent, or a version and a modulus.
  fields.magnitudeBytes();
  return {
    algorithm: "rsa",
    keyType: fields.isAtEnd ? "public" : "private",
    key: copyKey(bytes),
  };
}

/** AlgorithmIdentifier: the curve of EC keys, `undefined` for RSA. */
function readAlgorithm(fields: DerReader): CurveName | undefined {
  const algorithm = fields.enter(DerTag.Sequence);
  const identifier = toHex(algorithm.contents(DerTag.ObjectIdentifier));
  switch (identifier) {
    case RSA_ENCRYPTION:
      return undefined;
    case EC_PUBLIC_KEY:
      return curveOf(algorithm.contents(DerTag.ObjectIdentifier)).name;
    case RSA_PSS:
      throw new KeyError("is for RSA-PSS alone", "an RSA key of no padding");
    default:
      throw new KeyError("is of another algorithm", "a key of RSA or ECDSA");
  }
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1). */
function fromPublicKeyInfo(fields: DerReader): KeyMaterial {
  const curve = readAlgorithm(fields);
  return expectWithin(fields.wholeBitString(), "public", curve);
}

/** PrivateKeyInfo (RFC 5208 §5), behind its version. */
function fromPrivateKeyInfo(fields: DerReader): KeyMaterial {
  const curve = readAlgorithm(fields);
  return expectWithin(fields.contents(DerTag.OctetString), "private", curve);
}

/** The key within a structure that says what it is. */
function expectWithin(
  bytes: Uint8Array,
  keyType: KeyType,
  curve: CurveName | undefined,
): KeyMaterial {
  const isPoint = keyType === "public" && curve !== undefined;
  const inner = isPoint ? fromPoint(bytes) : fromDer(bytes);
  const algorithm = curve === undefined ? "rsa" : "ecdsa";
  if (
    inner.algorithm === algorithm && inner.keyType === keyType &&
    inner.curve === curve
  ) return inner;
  inner.key.fill(0);
  throw new DerError("what is inside is another key than it says");
}

/** ECPrivateKey (RFC 5915 §3), which need not name its curve. */
function fromEcPrivateKey(bytes: Uint8Array): KeyMaterial {
  const fields = new DerReader(bytes).enter(DerTag.Sequence);
  fields.contents(DerTag.Integer);
  const scalar = fields.contents(DerTag.OctetString);
  const curve = fields.isNext(DerTag.Context0)
    ? curveOf(fields.enter(DerTag.Context0).contents(DerTag.ObjectIdentifier))
    : CURVES.find(({ fieldBytes }) => fieldBytes === scalar.length);
  return {
    algorithm: "ecdsa",
    keyType: "private",
    key: copyKey(bytes),
    ...(curve && { curve: curve.name }),
  };
}

/** A point (SEC 1 §2.3.3); its length and form tell the curve. */
function fromPoint(bytes: Uint8Array): KeyMaterial {
  const coordinates = bytes[0] === UNCOMPRESSED ? 2 : 1;
  const curve = CURVES.find(({ fieldBytes }) =>
    bytes.length === 1 + coordinates * fieldBytes
  );
  if (!curve || bytes[0]! < 2 || bytes[0]! > UNCOMPRESSED) {
    throw new KeyError(
      `has ${bytes.length} bytes of no known form`,
      "PEM, DER or a point of a curve",
    );
  }
  const key = copyKey(bytes);
  return { algorithm: "ecdsa", keyType: "public", key, curve: curve.name };
}
