/**
 * Structures and numbers of intel-ipsec-mb.h, on x86-64.
 *
 * @module
 */

/** Bytes of an `IMB_JOB` in each version; the rest of the layout is common. */
const JOB_BYTES: Readonly<Record<string, number>> = {
  "1.3": 200,
  "1.4": 240,
  "1.5": 240,
  "2.0": 216,
};

/** Versions whose layout is known, for messages. */
export const KNOWN_VERSIONS: readonly string[] = Object.keys(JOB_BYTES);

/** Bytes of an `IMB_JOB` in `version`, or `undefined` where it is not known. */
export function jobBytes(version: string): number | undefined {
  const [major, minor] = version.split(".");
  return JOB_BYTES[`${major}.${minor}`];
}

/** Offsets in `IMB_JOB`. */
export const JOB = {
  enc_keys: 0,
  dec_keys: 8,
  key_len_in_bytes: 16,
  src: 24,
  dst: 32,
  cipher_start_src_offset_in_bytes: 40,
  msg_len_to_cipher_in_bytes: 48,
  hash_start_src_offset_in_bytes: 56,
  msg_len_to_hash_in_bytes: 64,
  iv: 72,
  iv_len_in_bytes: 80,
  auth_tag_output: 88,
  auth_tag_output_len_in_bytes: 96,
  /** Three pointers or lengths that depend on the hash. */
  u: 104,
  status: 128,
  cipher_mode: 132,
  cipher_direction: 136,
  hash_alg: 140,
  chain_order: 144,
} as const;

/** Offsets in `IMB_MGR`. */
export const MANAGER = {
  features: 8,
  used_arch: 56,
  imb_errno: 60,
  keyexp_128: 112,
  keyexp_192: 120,
  keyexp_256: 128,
  xcbc_keyexp: 144,
  des_key_sched: 152,
  sha1_one_block: 160,
  sha224_one_block: 168,
  sha256_one_block: 176,
  sha384_one_block: 184,
  sha512_one_block: 192,
  md5_one_block: 200,
  sha1: 208,
  sha224: 216,
  sha256: 224,
  sha384: 232,
  sha512: 240,
  gcm128_pre: 448,
  gcm192_pre: 456,
  gcm256_pre: 464,
  kasumi_init_f8_key_sched: 568,
  kasumi_init_f9_key_sched: 576,
  kasumi_key_sched_size: 584,
  snow3g_init_key_sched: 664,
  snow3g_key_sched_size: 672,
  ghash: 680,
  get_next_burst: 952,
  submit_burst: 960,
  submit_burst_nocheck: 968,
  flush_burst: 976,
  submit_cipher_burst: 984,
  submit_cipher_burst_nocheck: 992,
  submit_hash_burst_nocheck: 1008,
} as const;

/** `IMB_CIPHER_MODE` */
export const CipherMode = {
  CBC: 1,
  CNTR: 2,
  NULL: 3,
  GCM: 5,
  DES: 7,
  CCM: 9,
  DES3: 10,
  ECB: 12,
  ZUC_EEA3: 14,
  SNOW3G_UEA2_BITLEN: 15,
  KASUMI_UEA1_BITLEN: 16,
  CHACHA20_POLY1305: 19,
} as const;

/** `IMB_HASH_ALG`; its MD5 is HMAC-MD5. */
export const HashAlgorithm = {
  HMAC_SHA_1: 1,
  HMAC_SHA_224: 2,
  HMAC_SHA_256: 3,
  HMAC_SHA_384: 4,
  HMAC_SHA_512: 5,
  AES_XCBC: 6,
  MD5: 7,
  NULL: 8,
  AES_GMAC: 9,
  AES_CCM: 11,
  AES_CMAC: 12,
  SHA_1: 13,
  SHA_224: 14,
  SHA_256: 15,
  SHA_384: 16,
  SHA_512: 17,
  ZUC_EIA3_BITLEN: 20,
  SNOW3G_UIA2_BITLEN: 22,
  KASUMI_UIA1: 23,
  AES_GMAC_128: 24,
  AES_GMAC_192: 25,
  AES_GMAC_256: 26,
  AES_CMAC_256: 27,
  CHACHA20_POLY1305: 29,
} as const;

/** `IMB_CIPHER_DIRECTION` */
export const CipherDirection = { ENCRYPT: 1, DECRYPT: 2 } as const;

/** `IMB_CHAIN_ORDER` */
export const ChainOrder = { CIPHER_HASH: 1, HASH_CIPHER: 2 } as const;

/** `IMB_STATUS_COMPLETED` */
export const STATUS_COMPLETED = 3;

/** `IMB_FEATURE_SHANI` */
export const FEATURE_SHANI = 1 << 0;
/** `IMB_FEATURE_AVX` */
export const FEATURE_AVX = 1 << 5;
/** `IMB_FEATURE_AVX2` */
export const FEATURE_AVX2 = 1 << 6;
/** `IMB_FEATURE_AVX512_SKX` */
export const FEATURE_AVX512 = 0x1f << 7;

/** `IMB_MAX_BURST_SIZE` */
export const MAX_BURST_SIZE = 128;

/** At least `sizeof(struct gcm_key_data)` of every version. */
export const GCM_KEY_DATA_BYTES = 1280;
