/**
 * The MACs that are no HMAC.
 *
 * @module
 */

import type { IpsecMb } from "../../ffi/ipsec_mb.ts";
import {
  GCM_KEY_DATA_BYTES,
  HashAlgorithm,
} from "../../ffi/ipsec_mb_layout.ts";
import { CbcMac } from "./cbc_mac.ts";
import {
  KASUMI_LONGEST_BYTES,
  LANE_BYTES,
  prepareAes,
  prepareRaw,
  prepareSnow3g,
  SNOW3G_LONGEST_BYTES,
  ZUC_LONGEST_BYTES,
} from "./ciphers.ts";
import { HashKernel } from "./hash_kernel.ts";
import { NativeBlock } from "./native_memory.ts";
import type { JobRunner } from "./runner.ts";

const AES_BLOCK_BYTES = 16;

type MakeMac = (
  runner: JobRunner,
  key: Uint8Array,
  resultBytes: number,
) => HashKernel;

/** Doubling in GF(2^128) (RFC 4493 §2.3). */
function double(block: Uint8Array): Uint8Array<ArrayBuffer> {
  const doubled = new Uint8Array(AES_BLOCK_BYTES);
  for (let i = 0; i < AES_BLOCK_BYTES; i++) {
    doubled[i] = block[i]! << 1 | (block[i + 1] ?? 0) >> 7;
  }
  doubled[15]! ^= 0x87 & -(block[0]! >> 7);
  return doubled;
}

/** The library has jobs for keys of 16 and 32 bytes. */
function makeCmac(runner: JobRunner, key: Uint8Array): HashKernel {
  const { library } = runner;
  const mac = new CbcMac(library, key);
  const aes = prepareAes(library, key);
  const subkeys = new NativeBlock(2 * AES_BLOCK_BYTES);
  const first = subkeys.bytes.subarray(0, AES_BLOCK_BYTES);
  const second = subkeys.bytes.subarray(AES_BLOCK_BYTES);
  first.set(double(mac.encryptZero(runner)));
  second.set(double(first));
  const common = {
    digestBytes: AES_BLOCK_BYTES,
    shortestBytes: 1,
    longestBytes: LANE_BYTES,
    beyond: mac.beyond(first, second.subarray(0, AES_BLOCK_BYTES)),
    blocks: [aes.block, subkeys],
    wipe: () => mac.close(),
  };
  if (key.length === 24) return new HashKernel(library, common);
  return new HashKernel(library, {
    ...common,
    // With AVX-512 up to 15 bytes too many, as far as version 2.0.2.
    readBlockBytes: AES_BLOCK_BYTES,
    algorithm: key.length === 16
      ? HashAlgorithm.AES_CMAC
      : HashAlgorithm.AES_CMAC_256,
    u: [
      aes.encryption,
      subkeys.address,
      subkeys.address + AES_BLOCK_BYTES,
    ],
  });
}

/** Offsets of K2 and K3 behind the schedule of K1 (RFC 3566 §4). */
const XCBC_K2 = 192;
const XCBC_K3 = 208;
const XCBC_KEY_BYTES = 224;
/** What the library's jobs give: AES-XCBC-MAC-96 (RFC 3566 §4.1). */
const XCBC_JOB_DIGEST_BYTES = 12;

function makeXcbc(
  { library }: JobRunner,
  key: Uint8Array,
  resultBytes: number,
): HashKernel {
  const keys = new NativeBlock(XCBC_KEY_BYTES);
  const second = keys.bytes.subarray(XCBC_K2, XCBC_K3);
  const third = keys.bytes.subarray(XCBC_K3, XCBC_KEY_BYTES);
  library.cold.xcbc_keyexp(
    key as Uint8Array<ArrayBuffer>,
    keys.bytes,
    second,
    third,
  );
  // The first round key is K1 itself.
  const mac = new CbcMac(library, keys.bytes.subarray(0, AES_BLOCK_BYTES));
  const common = {
    digestBytes: AES_BLOCK_BYTES,
    shortestBytes: 1,
    longestBytes: LANE_BYTES,
    beyond: mac.beyond(second, third),
    blocks: [keys],
    wipe: () => mac.close(),
  };
  if (resultBytes > XCBC_JOB_DIGEST_BYTES) {
    return new HashKernel(library, common);
  }
  return new HashKernel(library, {
    ...common,
    algorithm: HashAlgorithm.AES_XCBC,
    jobDigestBytes: XCBC_JOB_DIGEST_BYTES,
    u: [keys.address, keys.address + XCBC_K2, keys.address + XCBC_K3],
  });
}

/** CBC-MAC has no padding: whole blocks, at least one. */
function makeCbcMac({ library }: JobRunner, key: Uint8Array): HashKernel {
  const mac = new CbcMac(library, key);
  return new HashKernel(library, {
    digestBytes: AES_BLOCK_BYTES,
    shortestBytes: 0,
    longestBytes: 0,
    beyond: (runner, at, lengthBytes, result) =>
      lengthBytes > 0 && lengthBytes % AES_BLOCK_BYTES === 0 &&
      mac.compute(runner, at, lengthBytes, result),
    blocks: [],
    wipe: () => mac.close(),
  });
}

/** F9 takes COUNT, FRESH and a message with its padding: over 64 bits. */
const F9_SHORTEST_BYTES = 9;

function makeKasumiF9(
  { library }: JobRunner,
  key: Uint8Array,
): HashKernel {
  const { cold } = library;
  const block = new NativeBlock(Number(cold.kasumi_key_sched_size()));
  cold.kasumi_init_f9_key_sched(key as Uint8Array<ArrayBuffer>, block.bytes);
  return new HashKernel(library, {
    algorithm: HashAlgorithm.KASUMI_UIA1,
    digestBytes: 4,
    u: [block.address],
    shortestBytes: F9_SHORTEST_BYTES,
    longestBytes: KASUMI_LONGEST_BYTES,
    blocks: [block],
  });
}

function makeSnow3gUia2({ library }: JobRunner, key: Uint8Array): HashKernel {
  const { block, encryption } = prepareSnow3g(library, key);
  return new HashKernel(library, {
    algorithm: HashAlgorithm.SNOW3G_UIA2_BITLEN,
    digestBytes: 4,
    u: [encryption],
    ivBytes: 16,
    ivField: 1,
    shortestBytes: 1,
    longestBytes: SNOW3G_LONGEST_BYTES,
    countsBits: true,
    blocks: [block],
  });
}

function makeZucEia3({ library }: JobRunner, key: Uint8Array): HashKernel {
  const { block, encryption } = prepareRaw(library, key);
  return new HashKernel(library, {
    algorithm: HashAlgorithm.ZUC_EIA3_BITLEN,
    digestBytes: 4,
    u: [encryption],
    ivBytes: 16,
    ivField: 1,
    shortestBytes: 1,
    longestBytes: ZUC_LONGEST_BYTES,
    countsBits: true,
    blocks: [block],
  });
}

/** The hash key's powers, and the key schedule before them. */
export function prepareGcm(library: IpsecMb, key: Uint8Array): NativeBlock {
  const block = new NativeBlock(GCM_KEY_DATA_BYTES);
  const name = `gcm${8 * key.length}_pre` as
    | "gcm128_pre"
    | "gcm192_pre"
    | "gcm256_pre";
  library.cold[name](key as Uint8Array<ArrayBuffer>, block.bytes);
  return block;
}

const GMAC_IV_BYTES = 12;
const GMAC_ALGORITHMS: Readonly<Record<number, number>> = {
  16: HashAlgorithm.AES_GMAC_128,
  24: HashAlgorithm.AES_GMAC_192,
  32: HashAlgorithm.AES_GMAC_256,
};

function makeGmac({ library }: JobRunner, key: Uint8Array): HashKernel {
  const block = prepareGcm(library, key);
  return new HashKernel(library, {
    algorithm: GMAC_ALGORITHMS[key.length]!,
    digestBytes: AES_BLOCK_BYTES,
    u: [block.address, 0, GMAC_IV_BYTES],
    ivBytes: GMAC_IV_BYTES,
    ivField: 1,
    shortestBytes: 0,
    longestBytes: Number.MAX_SAFE_INTEGER,
    blocks: [block],
  });
}

const MAKERS: Readonly<Record<string, MakeMac>> = {
  "cmac-aes": makeCmac,
  "xcbc-aes": makeXcbc,
  "cbcmac-aes": makeCbcMac,
  "kasumi-f9": makeKasumiF9,
  // F9 is the CBC-MAC of KASUMI (3GPP TS 35.201 §4).
  "cbcmac-kasumi-f9": makeKasumiF9,
  "snow3g-uia2": makeSnow3gUia2,
  "zuc-eia3": makeZucEia3,
  "gmac-aes": makeGmac,
};

/** Names of the MACs here. */
export const MAC_NAMES: readonly string[] = Object.keys(MAKERS);

export function makeBlockMacKernel(
  runner: JobRunner,
  name: string,
  key: Uint8Array,
  resultBytes: number,
): HashKernel {
  const make = MAKERS[name];
  if (!make) throw new Error(`ipsec-mb has no MAC ${name}`);
  return make(runner, key, resultBytes);
}
