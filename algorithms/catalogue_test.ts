import { deepStrictEqual } from "node:assert/strict";
import {
  type AeadName,
  AEADS,
  type AkcipherName,
  AKCIPHERS,
  type CipherName,
  CIPHERS,
  HASHES,
  type HashName,
  type MacName,
  MACS,
} from "./catalogue.ts";
import {
  type CurveName,
  CURVES,
  RSA_HASHES,
  type RsaHashName,
} from "./public_key.ts";

// A name that the type has and this has not, or the other way, does not compile.
const CIPHER_NAMES: Record<CipherName, true> = {
  "arc4": true,
  "aes-ecb": true,
  "aes-cbc": true,
  "aes-ctr": true,
  "des-ecb": true,
  "des-cbc": true,
  "3des-ecb": true,
  "3des-cbc": true,
  "3des-ctr": true,
  "kasumi-f8": true,
  "snow3g-uea2": true,
  "aes-f8": true,
  "aes-xts": true,
  "zuc-eea3": true,
};
const HASH_NAMES: Record<HashName, true> = {
  "md5": true,
  "sha1": true,
  "sha224": true,
  "sha256": true,
  "sha384": true,
  "sha512": true,
  "sha3-224": true,
  "sha3-256": true,
  "sha3-384": true,
  "sha3-512": true,
  "shake128": true,
  "shake256": true,
};
const MAC_NAMES: Record<MacName, true> = {
  "hmac-md5": true,
  "hmac-sha1": true,
  "hmac-sha224": true,
  "hmac-sha256": true,
  "hmac-sha384": true,
  "hmac-sha512": true,
  "cmac-3des": true,
  "cmac-aes": true,
  "kasumi-f9": true,
  "snow3g-uia2": true,
  "gmac-aes": true,
  "gmac-twofish": true,
  "cbcmac-aes": true,
  "cbcmac-kasumi-f9": true,
  "xcbc-aes": true,
  "zuc-eia3": true,
};
const AEAD_NAMES: Record<AeadName, true> = {
  "gcm": true,
  "ccm": true,
  "chacha20-poly1305": true,
};
const AKCIPHER_NAMES: Record<AkcipherName, true> = { "rsa": true, ecdsa: true };
const RSA_HASH_NAMES: Record<RsaHashName, true> = {
  "none": true,
  "md2": true,
  "md4": true,
  "md5": true,
  "sha1": true,
  "sha224": true,
  "sha256": true,
  "sha384": true,
  "sha512": true,
};
const CURVE_NAMES: Record<CurveName, true> = {
  "p192": true,
  "p224": true,
  "p256": true,
  "p384": true,
  "p521": true,
};

const TABLES: readonly [
  string,
  readonly { readonly name: string }[],
  Readonly<Record<string, true>>,
][] = [
  ["cipher", CIPHERS, CIPHER_NAMES],
  ["hash", HASHES, HASH_NAMES],
  ["mac", MACS, MAC_NAMES],
  ["aead", AEADS, AEAD_NAMES],
  ["akcipher", AKCIPHERS, AKCIPHER_NAMES],
  ["RSA hash", RSA_HASHES, RSA_HASH_NAMES],
  ["curve", CURVES, CURVE_NAMES],
];

Deno.test("the types of names have what the tables have, and nothing else", () => {
  for (const [of, table, names] of TABLES) {
    const found = table.map(({ name }) => name).sort();
    deepStrictEqual(found, Object.keys(names).sort(), of);
  }
});
