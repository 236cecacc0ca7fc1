/**
 * Keys as objects of a token session: not of the token, and not to be read.
 *
 * @module
 */

import type { AttributeValue } from "../../ffi/pkcs11_layout.ts";
import type { TokenObject, TokenSession } from "./token_session.ts";

// CKA_*
export const CKA_CLASS = 0x0;
export const CKA_TOKEN = 0x1;
export const CKA_PRIVATE = 0x2;
export const CKA_LABEL = 0x3;
export const CKA_VALUE = 0x11;
export const CKA_KEY_TYPE = 0x100;
export const CKA_ID = 0x102;
const CKA_SENSITIVE = 0x103;
export const CKA_ENCRYPT = 0x104;
export const CKA_DECRYPT = 0x105;
export const CKA_SIGN = 0x108;
export const CKA_VERIFY = 0x10a;
export const CKA_MODULUS = 0x120;
export const CKA_PUBLIC_EXPONENT = 0x122;
const CKA_EXTRACTABLE = 0x162;
export const CKA_EC_PARAMS = 0x180;
export const CKA_EC_POINT = 0x181;
export const CKA_ALWAYS_AUTHENTICATE = 0x202;

// CKO_*
export const CKO_PUBLIC_KEY = 2;
export const CKO_PRIVATE_KEY = 3;
const CKO_SECRET_KEY = 4;

// CKK_*
export const CKK_RSA = 0x0;
export const CKK_EC = 0x3;
const CKK_GENERIC_SECRET = 0x10;
const CKK_AES = 0x1f;

export type Attribute = readonly [number, AttributeValue];

/** Of every key that a session brings: gone with it, and never shown. */
export const SECRET: readonly Attribute[] = [
  [CKA_TOKEN, false],
  [CKA_PRIVATE, true],
  [CKA_SENSITIVE, true],
  [CKA_EXTRACTABLE, false],
];

/** An AES key for ciphers, or for codes. */
export function createAesKey(
  token: TokenSession,
  key: Uint8Array,
  use: "cipher" | "mac",
): TokenObject {
  const isCipher = use === "cipher";
  return token.createObject([
    [CKA_CLASS, CKO_SECRET_KEY],
    [CKA_KEY_TYPE, CKK_AES],
    ...SECRET,
    [CKA_ENCRYPT, isCipher],
    [CKA_DECRYPT, isCipher],
    [CKA_SIGN, !isCipher],
    [CKA_VERIFY, false],
    [CKA_VALUE, key],
  ]);
}

/** A key of HMAC. */
export function createMacKey(
  token: TokenSession,
  key: Uint8Array,
): TokenObject {
  return token.createObject([
    [CKA_CLASS, CKO_SECRET_KEY],
    [CKA_KEY_TYPE, CKK_GENERIC_SECRET],
    ...SECRET,
    [CKA_SIGN, true],
    [CKA_VERIFY, false],
    [CKA_VALUE, key],
  ]);
}
