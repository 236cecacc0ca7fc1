/**
 * The structures and numbers of libqat that the project uses, under their C
 * names: byte offsets on x86-64, equal from 24.02 to 26.08. A test compares each
 * with the real headers.
 *
 * @module
 */

export const CpaFlatBuffer = {
  sizeof: 16,
  dataLenInBytes: 0,
  pData: 8,
} as const;

export const CpaBufferList = {
  sizeof: 32,
  numBuffers: 0,
  pBuffers: 8,
  pUserData: 16,
  pPrivateMetaData: 24,
} as const;

export const CpaCySymSessionSetupData = {
  sizeof: 112,
  sessionPriority: 0,
  symOperation: 4,
  "cipherSetupData.cipherAlgorithm": 8,
  "cipherSetupData.cipherKeyLenInBytes": 12,
  "cipherSetupData.pCipherKey": 16,
  "cipherSetupData.cipherDirection": 24,
  "hashSetupData.hashAlgorithm": 32,
  "hashSetupData.hashMode": 36,
  "hashSetupData.digestResultLenInBytes": 40,
  "hashSetupData.authModeSetupData.authKey": 48,
  "hashSetupData.authModeSetupData.authKeyLenInBytes": 56,
  "hashSetupData.authModeSetupData.aadLenInBytes": 60,
  algChainOrder: 96,
  digestIsAppended: 100,
  verifyDigest: 104,
  partialsNotRequired: 108,
} as const;

export const CpaCySymOpData = {
  sizeof: 64,
  sessionCtx: 0,
  packetType: 8,
  pIv: 16,
  ivLenInBytes: 24,
  cryptoStartSrcOffsetInBytes: 28,
  messageLenToCipherInBytes: 32,
  hashStartSrcOffsetInBytes: 36,
  messageLenToHashInBytes: 40,
  pDigestResult: 48,
  pAdditionalAuthData: 56,
} as const;

export const CpaCySymCapabilitiesInfo = {
  sizeof: 12,
  ciphers: 0,
  hashes: 4,
} as const;

export const CpaCyCapabilitiesInfo = {
  sizeof: 76,
  symSupported: 0,
  rsaSupported: 16,
  ecdsaSupported: 28,
} as const;

export const CpaInstanceInfo2 = {
  sizeof: 932,
  partName: 68,
  swVersion: 132,
  isPolled: 924,
} as const;

export const CpaCyRsaPublicKey = {
  sizeof: 32,
  modulusN: 0,
  publicExponentE: 16,
} as const;

export const CpaCyRsaPrivateKey = {
  sizeof: 120,
  version: 0,
  privateKeyRepType: 4,
  "privateKeyRep2.prime1P": 40,
  "privateKeyRep2.prime2Q": 56,
  "privateKeyRep2.exponent1Dp": 72,
  "privateKeyRep2.exponent2Dq": 88,
  "privateKeyRep2.coefficientQInv": 104,
} as const;

export const CpaCyRsaEncryptOpData = {
  sizeof: 24,
  pPublicKey: 0,
  inputData: 8,
} as const;

export const CpaCyRsaDecryptOpData = {
  sizeof: 24,
  pRecipientPrivateKey: 0,
  inputData: 8,
} as const;

export const CpaCyEcdsaSignRSOpData = {
  sizeof: 152,
  xg: 0,
  yg: 16,
  n: 32,
  q: 48,
  a: 64,
  b: 80,
  k: 96,
  m: 112,
  d: 128,
  fieldType: 144,
} as const;

export const CpaCyEcdsaVerifyOpData = {
  sizeof: 184,
  xg: 0,
  yg: 16,
  n: 32,
  q: 48,
  a: 64,
  b: 80,
  m: 96,
  r: 112,
  s: 128,
  xp: 144,
  yp: 160,
  fieldType: 176,
} as const;

/** Every structure above, for the comparison with the headers. */
export const STRUCTURES: Readonly<Record<string, Record<string, number>>> = {
  CpaFlatBuffer,
  CpaBufferList,
  CpaCySymSessionSetupData,
  CpaCySymOpData,
  CpaCySymCapabilitiesInfo,
  CpaCyCapabilitiesInfo,
  CpaInstanceInfo2,
  CpaCyRsaPublicKey,
  CpaCyRsaPrivateKey,
  CpaCyRsaEncryptOpData,
  CpaCyRsaDecryptOpData,
  CpaCyEcdsaSignRSOpData,
  CpaCyEcdsaVerifyOpData,
};

/** Constants of the headers, by their names there. */
export const CPA = {
  CPA_STATUS_SUCCESS: 0,
  CPA_STATUS_RETRY: -2,
  CPA_STATUS_INVALID_PARAM: -4,
  CPA_STATUS_UNSUPPORTED: -6,
  CPA_STATUS_RESTARTING: -7,
  CPA_ACC_SVC_TYPE_CRYPTO: 0,
  CPA_ACC_SVC_TYPE_CRYPTO_ASYM: 5,
  CPA_ACC_SVC_TYPE_CRYPTO_SYM: 6,
  CPA_CY_PRIORITY_NORMAL: 1,
  CPA_CY_SYM_PACKET_TYPE_FULL: 1,
  CPA_CY_SYM_OP_CIPHER: 1,
  CPA_CY_SYM_OP_HASH: 2,
  CPA_CY_SYM_OP_ALGORITHM_CHAINING: 3,
  CPA_CY_SYM_CIPHER_AES_ECB: 3,
  CPA_CY_SYM_CIPHER_AES_CBC: 4,
  CPA_CY_SYM_CIPHER_AES_CTR: 5,
  CPA_CY_SYM_CIPHER_AES_CCM: 6,
  CPA_CY_SYM_CIPHER_AES_GCM: 7,
  CPA_CY_SYM_CIPHER_AES_XTS: 16,
  CPA_CY_SYM_CIPHER_CHACHA: 18,
  CPA_CY_SYM_CIPHER_DIRECTION_ENCRYPT: 1,
  CPA_CY_SYM_CIPHER_DIRECTION_DECRYPT: 2,
  CPA_CY_SYM_HASH_MODE_PLAIN: 1,
  CPA_CY_SYM_HASH_MODE_AUTH: 2,
  CPA_CY_SYM_HASH_MD5: 1,
  CPA_CY_SYM_HASH_SHA1: 2,
  CPA_CY_SYM_HASH_SHA224: 3,
  CPA_CY_SYM_HASH_SHA256: 4,
  CPA_CY_SYM_HASH_SHA384: 5,
  CPA_CY_SYM_HASH_SHA512: 6,
  CPA_CY_SYM_HASH_AES_XCBC: 7,
  CPA_CY_SYM_HASH_AES_CCM: 8,
  CPA_CY_SYM_HASH_AES_GCM: 9,
  CPA_CY_SYM_HASH_AES_CMAC: 12,
  CPA_CY_SYM_HASH_AES_GMAC: 13,
  CPA_CY_SYM_HASH_SHA3_256: 16,
  CPA_CY_SYM_HASH_SHA3_224: 17,
  CPA_CY_SYM_HASH_SHA3_384: 18,
  CPA_CY_SYM_HASH_SHA3_512: 19,
  CPA_CY_SYM_HASH_POLY: 22,
  CPA_CY_SYM_ALG_CHAIN_ORDER_HASH_THEN_CIPHER: 1,
  CPA_CY_SYM_ALG_CHAIN_ORDER_CIPHER_THEN_HASH: 2,
  CPA_CY_RSA_VERSION_TWO_PRIME: 1,
  CPA_CY_RSA_PRIVATE_KEY_REP_TYPE_2: 2,
  CPA_CY_EC_FIELD_TYPE_PRIME: 1,
} as const;
