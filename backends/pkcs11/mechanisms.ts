/**
 * Which mechanism of PKCS#11 an algorithm of the catalogue is.
 *
 * @module
 */

/** CKM_*, those that this backend uses. */
export const CKM_RSA_X_509 = 0x3;
export const CKM_ECDSA = 0x1041;
const CKM_AES_ECB = 0x1081;
const CKM_AES_CBC = 0x1082;
export const CKM_AES_CTR = 0x1086;
export const CKM_AES_GCM = 0x1087;
export const CKM_AES_CMAC = 0x108a;

/** By catalogue name. */
export const CIPHER_MECHANISMS: Readonly<Record<string, number>> = {
  "aes-ecb": CKM_AES_ECB,
  "aes-cbc": CKM_AES_CBC,
  "aes-ctr": CKM_AES_CTR,
};

export const HASH_MECHANISMS: Readonly<Record<string, number>> = {
  "md5": 0x210,
  "sha1": 0x220,
  "sha224": 0x255,
  "sha256": 0x250,
  "sha384": 0x260,
  "sha512": 0x270,
};

export const HMAC_MECHANISMS: Readonly<Record<string, number>> = {
  "hmac-md5": 0x211,
  "hmac-sha1": 0x221,
  "hmac-sha224": 0x256,
  "hmac-sha256": 0x251,
  "hmac-sha384": 0x261,
  "hmac-sha512": 0x271,
};

/**
 * What a token has to have for an algorithm, by qualified catalogue name. An
 * HMAC needs its hash for long keys; GCM needs counter mode for a J0 as IV.
 */
export const NEEDS: Readonly<Record<string, readonly number[]>> = {
  ...named("cipher", CIPHER_MECHANISMS, (one) => [one]),
  ...named("hash", HASH_MECHANISMS, (one) => [one]),
  ...named(
    "mac",
    HMAC_MECHANISMS,
    (one, name) => [one, HASH_MECHANISMS[name.slice("hmac-".length)]!],
  ),
  "mac.cmac-aes": [CKM_AES_CMAC],
  "aead.gcm": [CKM_AES_GCM, CKM_AES_CTR, CKM_AES_ECB],
  "akcipher.rsa": [CKM_RSA_X_509],
  "akcipher.ecdsa": [CKM_ECDSA],
};

function named(
  service: string,
  mechanisms: Readonly<Record<string, number>>,
  needs: (mechanism: number, name: string) => number[],
): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(mechanisms).map((
      [name, one],
    ) => [`${service}.${name}`, needs(one, name)]),
  );
}
