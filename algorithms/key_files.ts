/**
 * Keys as files have them: PrivateKeyInfo (RFC 5208), SubjectPublicKeyInfo (RFC
 * 5280 §4.1), and the older forms of OpenSSL.
 *
 * @module
 */

import {
  DerError,
  DerReader,
  DerTag,
  encodeElement,
  encodeSequence,
  encodeUnsigned,
} from "./der.ts";
import { fromHex, toHex } from "./hex.ts";
import { curveIdentifier, parseEcPrivateKey } from "./ec_key.ts";
import { encodeStub, isUncompressed, type PublicPart } from "./key_stub.ts";
import { type Curve, CURVES } from "./public_key.ts";
import { parseRsaPrivateKey, parseRsaPublicKey } from "./rsa_key.ts";

/** A private key: its public part, and the DER that sessions carry. */
export interface PrivateKeyFile {
  readonly part: PublicPart;
  /** RSAPrivateKey or ECPrivateKey; a window on what was read. */
  readonly key: Uint8Array;
}

/** Object identifiers of keys, in hexadecimal digits of their DER. */
export const RSA_ENCRYPTION = "2a864886f70d010101";
export const EC_PUBLIC_KEY = "2a8648ce3d0201";

/** The curve of AlgorithmIdentifier, or `undefined` for RSA. */
function readAlgorithm(fields: DerReader): Curve | undefined {
  const algorithm = fields.enter(DerTag.Sequence);
  const identifier = toHex(algorithm.contents(DerTag.ObjectIdentifier));
  if (identifier === RSA_ENCRYPTION) return undefined;
  if (identifier !== EC_PUBLIC_KEY) {
    throw new DerError("a key that is neither of RSA nor of a curve");
  }
  return curveOf(algorithm.contents(DerTag.ObjectIdentifier));
}

/** The curve with these contents of an OBJECT IDENTIFIER. */
export function curveOf(identifier: Uint8Array): Curve {
  const hex = toHex(identifier);
  const curve = CURVES.find((one) => toHex(curveIdentifier(one)) === hex);
  if (!curve) throw new DerError("a key of a curve that is not served");
  return curve;
}

/**
 * The private key of a PEM block. Throws {@linkcode DerError} for a key that is
 * broken, and for what is no key or cannot be served.
 */
export function readPrivateKey(
  label: string,
  der: Uint8Array,
): PrivateKeyFile {
  switch (label) {
    case "PRIVATE KEY": {
      const outer = new DerReader(der);
      const fields = outer.enter(DerTag.Sequence);
      if (fields.unsigned() > 1n) throw new DerError("a key of a new version");
      const curve = readAlgorithm(fields);
      const key = fields.contents(DerTag.OctetString);
      return curve ? ecFile(key, curve) : rsaFile(key);
    }
    case "RSA PRIVATE KEY":
      return rsaFile(der);
    case "EC PRIVATE KEY":
      return ecFile(der, curveWithin(der));
    default:
      throw new DerError(
        `a block "${label}", expected a private key without a passphrase`,
      );
  }
}

function rsaFile(key: Uint8Array): PrivateKeyFile {
  // For its checks.
  parseRsaPrivateKey(key);
  const fields = new DerReader(key).enter(DerTag.Sequence);
  fields.magnitudeBytes();
  const modulus = fields.magnitudeBytes().slice();
  const publicExponent = fields.magnitudeBytes().slice();
  return { part: { algorithm: "rsa", modulus, publicExponent }, key };
}

/** The curve that an ECPrivateKey names itself. */
function curveWithin(der: Uint8Array): Curve {
  const fields = new DerReader(der).enter(DerTag.Sequence);
  fields.unsigned();
  fields.contents(DerTag.OctetString);
  const parameters = fields.enter(DerTag.Context0);
  return curveOf(parameters.contents(DerTag.ObjectIdentifier));
}

function ecFile(key: Uint8Array, curve: Curve): PrivateKeyFile {
  const { scalar, point } = parseEcPrivateKey(key, curve);
  scalar.fill(0);
  if (!point || !isUncompressed(point, curve)) {
    throw new DerError(
      "an EC key without its point, uncompressed; openssl ec -in FILE adds it",
    );
  }
  return {
    part: { algorithm: "ecdsa", curve: curve.name, point },
    key,
  };
}

/** The public key of a PEM block. Throws {@linkcode DerError}. */
export function readPublicKey(label: string, der: Uint8Array): PublicPart {
  if (label === "RSA PUBLIC KEY") return rsaPart(der);
  if (label !== "PUBLIC KEY") {
    throw new DerError(`a block "${label}", expected PUBLIC KEY`);
  }
  const outer = new DerReader(der);
  const fields = outer.enter(DerTag.Sequence);
  outer.expectEnd();
  const curve = readAlgorithm(fields);
  const content = fields.wholeBitString();
  fields.expectEnd();
  if (!curve) return rsaPart(content);
  if (!isUncompressed(content, curve)) {
    throw new DerError("a point that is compressed");
  }
  return { algorithm: "ecdsa", curve: curve.name, point: content.slice() };
}

function rsaPart(der: Uint8Array): PublicPart {
  // For its checks.
  parseRsaPublicKey(der);
  const fields = new DerReader(der).enter(DerTag.Sequence);
  return {
    algorithm: "rsa",
    modulus: fields.magnitudeBytes().slice(),
    publicExponent: fields.magnitudeBytes().slice(),
  };
}

/** The DER of PrivateKeyInfo around the stub of a public key. */
export function encodeStubFile(part: PublicPart): Uint8Array {
  const identifier = (hex: string) =>
    encodeElement(DerTag.ObjectIdentifier, fromHex(hex));
  const algorithm = part.algorithm === "rsa"
    ? encodeSequence(
      identifier(RSA_ENCRYPTION),
      encodeElement(DerTag.Null, new Uint8Array(0)),
    )
    : encodeSequence(
      identifier(EC_PUBLIC_KEY),
      encodeElement(
        DerTag.ObjectIdentifier,
        curveIdentifier(CURVES.find(({ name }) => name === part.curve)!),
      ),
    );
  return encodeSequence(
    encodeUnsigned(0n),
    algorithm,
    encodeElement(DerTag.OctetString, encodeStub(part)),
  );
}
