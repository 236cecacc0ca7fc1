/**
 * JSON Web Keys (RFC 7517, RFC 7518 §6) as sessions carry keys.
 *
 * @module
 */

import { DerTag, encodeElement, encodeSequence } from "../../algorithms/der.ts";
import { curveIdentifier } from "../../algorithms/ec_key.ts";
import { copyKey, keyRoom } from "../../algorithms/key_bytes.ts";
import {
  type Curve,
  type CurveName,
  CURVES,
  type KeyType,
} from "../../algorithms/public_key.ts";
import { KeyError } from "./key_error.ts";

/** What {@linkcode decodeAsymmetricJwk} makes of a key. */
interface Decoded {
  readonly algorithm: "rsa" | "ecdsa";
  readonly keyType: KeyType;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly curve?: CurveName;
}

/** RFC 7518 §6.2.1.1. */
const CURVE_OF_CRV: Readonly<Record<string, CurveName>> = {
  "P-256": "p256",
  "P-384": "p384",
  "P-521": "p521",
};

/** Numbers of RSAPrivateKey behind the public ones, in its order. */
const RSA_SECRETS = ["d", "p", "q", "dp", "dq", "qi"] as const;

/** The bytes of a member in base64url (RFC 7515 §2). */
function bytesOf(jwk: JsonWebKey, member: keyof JsonWebKey): Uint8Array {
  const text = jwk[member];
  if (typeof text !== "string") {
    throw new KeyError(
      `is a JSON Web Key without "${member}"`,
      `one of kty "${jwk.kty}" with all its members`,
    );
  }
  let binary: string;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new KeyError(
      `is a JSON Web Key whose "${member}" is not base64url`,
      "base64url",
    );
  }
  const bytes = keyRoom(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The bytes of a JSON Web Key with `kty` `"oct"`, to be wiped. */
export function decodeSecretJwk(jwk: JsonWebKey): Uint8Array {
  if (jwk.kty === "oct") return bytesOf(jwk, "k");
  throw new KeyError(`is a JSON Web Key of kty "${jwk.kty}"`, '"oct"');
}

/** RSAPublicKey, RSAPrivateKey, ECPrivateKey or a point; to be wiped. */
export function decodeAsymmetricJwk(jwk: JsonWebKey): Decoded {
  if (jwk.kty === "RSA") return decodeRsa(jwk);
  if (jwk.kty === "EC") return decodeEc(jwk);
  throw new KeyError(
    `is a JSON Web Key of kty "${jwk.kty}"`,
    '"RSA" or "EC"',
  );
}

function decodeRsa(jwk: JsonWebKey): Decoded {
  if (jwk.oth !== undefined) {
    throw new KeyError(
      "is a JSON Web Key of more than two primes",
      "two, or the same key as PKCS#8",
    );
  }
  const isPrivate = jwk.d !== undefined;
  const members = isPrivate
    ? ["n", "e", ...RSA_SECRETS] as const
    : ["n", "e"] as const;
  const numbers = members.map((member) => integer(bytesOf(jwk, member)));
  const version = integer(Uint8Array.of(0));
  return {
    algorithm: "rsa",
    keyType: isPrivate ? "private" : "public",
    key: taken(isPrivate ? [version, ...numbers] : numbers),
  };
}

function decodeEc(jwk: JsonWebKey): Decoded {
  const name = CURVE_OF_CRV[jwk.crv ?? ""];
  if (name === undefined) {
    throw new KeyError(
      `is a JSON Web Key of crv "${jwk.crv}"`,
      '"P-256", "P-384" or "P-521"',
    );
  }
  const curve = CURVES.find((one) => one.name === name)!;
  const x = coordinate(jwk, "x", curve);
  const y = coordinate(jwk, "y", curve);
  const point = Uint8Array.of(4, ...x, ...y);
  if (jwk.d === undefined) {
    const key = copyKey(point);
    return { algorithm: "ecdsa", keyType: "public", key, curve: name };
  }
  const key = taken([
    integer(Uint8Array.of(1)),
    encodeElement(DerTag.OctetString, coordinate(jwk, "d", curve)),
    encodeElement(
      DerTag.Context0,
      encodeElement(DerTag.ObjectIdentifier, curveIdentifier(curve)),
    ),
    encodeElement(
      DerTag.Context1,
      encodeElement(DerTag.BitString, Uint8Array.of(0, ...point)),
    ),
  ]);
  return { algorithm: "ecdsa", keyType: "private", key, curve: name };
}

function coordinate(
  jwk: JsonWebKey,
  member: "x" | "y" | "d",
  { fieldBytes }: Curve,
): Uint8Array {
  const bytes = bytesOf(jwk, member);
  if (bytes.length === fieldBytes) return bytes;
  throw new KeyError(
    `is a JSON Web Key whose "${member}" has ${bytes.length} bytes`,
    `${fieldBytes} for ${jwk.crv}`,
  );
}

/** The DER of a number without sign. */
function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const rest = magnitude.subarray(start);
  const contents = keyRoom(rest.length + 1);
  contents.set(rest, 1);
  const element = encodeElement(
    DerTag.Integer,
    rest[0]! < 0x80 ? rest : contents,
  );
  magnitude.fill(0);
  contents.fill(0);
  return element;
}

/** A SEQUENCE of elements, which are wiped. */
function taken(elements: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sequence = encodeSequence(...elements);
  for (const element of elements) element.fill(0);
  const key = copyKey(sequence);
  sequence.fill(0);
  return key;
}
