/**
 * Private keys that the token has already: which there are, and how a session
 * that the device has permitted comes to one.
 *
 * @module
 */

import { DerError, DerReader, DerTag } from "../../algorithms/der.ts";
import { curveOf } from "../../algorithms/key_files.ts";
import { isUncompressed, type PublicPart } from "../../algorithms/key_stub.ts";
import type { BackendOptions } from "../backend.ts";
import { openPkcs11 } from "../../ffi/pkcs11.ts";
import {
  type Attribute,
  CKA_ALWAYS_AUTHENTICATE,
  CKA_CLASS,
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_ID,
  CKA_KEY_TYPE,
  CKA_LABEL,
  CKA_MODULUS,
  CKA_PUBLIC_EXPONENT,
  CKA_TOKEN,
  CKK_EC,
  CKK_RSA,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
} from "./keys.ts";
import { readPkcs11Options } from "./options.ts";
import { type Bytes, type TokenObject, TokenSession } from "./token_session.ts";
import { formatObjectUri, parsePkcs11Uri, type Pkcs11Uri } from "./uri.ts";

/** A private key of the token. */
export interface TokenKey {
  /** Its label, or its identifier in hexadecimal where it has none. */
  readonly name: string;
  readonly part: PublicPart;
  /** What finds it again: see {@linkcode findTokenKey}. */
  readonly uri: string;
}

/** A key that cannot be used, or a URI that means none. */
export class TokenKeyError extends Error {
  override readonly name = "TokenKeyError";
}

const privateKey = ({ object, id }: Pkcs11Uri): Attribute[] => [
  [CKA_CLASS, CKO_PRIVATE_KEY],
  [CKA_TOKEN, true],
  ...(object === undefined
    ? []
    : [[CKA_LABEL, new TextEncoder().encode(object)] as const]),
  ...(id === undefined ? [] : [[CKA_ID, id] as const]),
];

function readUri(text: string): Pkcs11Uri {
  const uri = parsePkcs11Uri(text);
  if (typeof uri !== "string") return uri;
  throw new TokenKeyError(`Cannot use "${text}": ${uri}`);
}

/**
 * The private keys that `text`, a PKCS#11 URI, means in the token of the
 * backend's options.
 *
 * @throws {TokenKeyError} for a key that cannot be used
 * @throws {Error} where the token cannot be reached
 */
export function listTokenKeys(
  text: string,
  options: BackendOptions,
): TokenKey[] {
  const uri = readUri(text);
  const read = readPkcs11Options(options);
  const { token, manufacturer, model, serial } = uri;
  // The URI may say more of the token than the option does, but nothing else.
  const session = new TokenSession(openPkcs11(read.module), {
    ...read,
    token: {
      ...read.token,
      ...(token !== undefined && { token }),
      ...(manufacturer !== undefined && { manufacturer }),
      ...(model !== undefined && { model }),
      ...(serial !== undefined && { serial }),
    },
  });
  try {
    const keys = session.findObjects(privateKey(uri))
      .map((object) => describeKey(session, object));
    if (keys.length > 0) return keys;
    throw new TokenKeyError(
      `Cannot use "${text}": token "${session.token.label}" has no such ` +
        "private key",
    );
  } finally {
    session.close();
  }
}

function describeKey(session: TokenSession, object: TokenObject): TokenKey {
  const label = textOf(session.attribute(object, CKA_LABEL));
  const id = session.attribute(object, CKA_ID);
  const name = label || id?.toHex() || "";
  if (name === "") throw new TokenKeyError("a private key without a name");
  if (session.attribute(object, CKA_ALWAYS_AUTHENTICATE)?.[0]) {
    throw new TokenKeyError(`key "${name}" asks for the PIN at each use`);
  }
  const part = publicPart(session, object, id);
  if (!part) {
    throw new TokenKeyError(
      `key "${name}" has no public part in the token, or is of another kind ` +
        "than RSA or a NIST curve",
    );
  }
  return { name, part, uri: formatObjectUri(label, id) };
}

const textOf = (bytes: Uint8Array | undefined): string =>
  bytes ? new TextDecoder().decode(bytes) : "";

function publicPart(
  session: TokenSession,
  object: TokenObject,
  id: Bytes | undefined,
): PublicPart | undefined {
  const type = session.attribute(object, CKA_KEY_TYPE)?.[0];
  // A token may show public numbers of the public key only.
  const twins = id
    ? session.findObjects([[CKA_CLASS, CKO_PUBLIC_KEY], [CKA_ID, id]])
    : [];
  const shown = (attribute: number) => {
    for (const one of [object, ...twins]) {
      const value = session.attribute(one, attribute);
      if (value && value.length > 0) return value;
    }
    return undefined;
  };
  if (type === CKK_RSA) {
    const modulus = shown(CKA_MODULUS);
    const exponent = shown(CKA_PUBLIC_EXPONENT);
    return modulus && exponent && {
      algorithm: "rsa",
      modulus: withoutZeros(modulus),
      publicExponent: withoutZeros(exponent),
    };
  }
  const parameters = shown(CKA_EC_PARAMS);
  const point = shown(CKA_EC_POINT);
  return type === CKK_EC && parameters && point
    ? curvePart(parameters, point)
    : undefined;
}

function withoutZeros(number: Uint8Array): Uint8Array {
  const start = number.findIndex((byte) => byte !== 0);
  return number.subarray(start < 0 ? number.length : start);
}

function curvePart(
  parameters: Uint8Array,
  encoded: Uint8Array,
): PublicPart | undefined {
  try {
    const identifier = new DerReader(parameters)
      .contents(DerTag.ObjectIdentifier);
    const curve = curveOf(identifier);
    const point = new DerReader(encoded).contents(DerTag.OctetString);
    return isUncompressed(point, curve)
      ? { algorithm: "ecdsa", curve: curve.name, point }
      : undefined;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** The one private key of the token that `text` means. */
export function findTokenKey(session: TokenSession, text: string): TokenObject {
  const found = session.findObjects(privateKey(readUri(text)));
  if (found.length === 1) return found[0]!;
  throw new TokenKeyError(
    `${found.length} private keys in the token are ${text}`,
  );
}
